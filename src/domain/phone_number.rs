//! Telephone numbers in the one form in which they are compared and stored: E.164.

use serde::{Deserialize, Serialize};

/// A valid number in E.164 form (ITU-T E.164), such as `+4930123456`. Personal data: it has no `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

/// Why a text is not a telephone number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PhoneNumberError {
    /// It cannot be read as a number of the home country or as an international one.
    #[error("this is not a telephone number; write it as +49… or as it is dialled at home")]
    Unreadable,
    /// It has the form of one but no country assigns it.
    #[error("no country assigns this telephone number; check the digits")]
    Unassigned,
}

impl PhoneNumber {
    /// Reads a number as people or trunks write it. `home_country` is an ISO 3166 code ("DE") by which
    /// a number without a country code is understood.
    pub fn parse(text: &str, home_country: Option<&str>) -> Result<PhoneNumber, PhoneNumberError> {
        let country = home_country.and_then(|code| code.parse().ok());
        let parsed = phonenumber::parse(country, text).map_err(|_| PhoneNumberError::Unreadable)?;
        if !phonenumber::is_viable(text) {
            return Err(PhoneNumberError::Unreadable);
        }
        if !parsed.is_valid() {
            return Err(PhoneNumberError::Unassigned);
        }
        Ok(PhoneNumber(parsed.format().mode(phonenumber::Mode::E164).to_string()))
    }

    /// The E.164 form, with its plus sign.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
