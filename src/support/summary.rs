//! stand-in
use crate::domain::{ticket::Field, turn::Line};
/// stand-in
pub fn case_summary(_lines: &[Line], _fields: &[Field], _caller: Option<&str>) -> String {
    String::new()
}
