//! Implementations of the seams. Only `app` names them.
