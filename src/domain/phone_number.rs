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

/// Longest text that is read, in bytes. Numbers with separators take 30.
const TEXT_BYTES_MAX: usize = 64;
/// Longest result: a plus sign and fifteen digits.
const E164_BYTES_MAX: usize = 16;
/// Most digits: fifteen (ITU-T E.164 §6) and the longest international prefix before them.
const DIGITS_MAX: usize = 20;

impl PhoneNumber {
    /// Reads a number as people or trunks write it: with or without separators, `+`, or the home country's
    /// international prefix. `home_country` is an ISO 3166 code ("DE") by which a number without a country
    /// code is understood. Letters are never read as digits: a user name is no number.
    pub fn parse(text: &str, home_country: Option<&str>) -> Result<PhoneNumber, PhoneNumberError> {
        let dialled = dialled(text).ok_or(PhoneNumberError::Unreadable)?;
        if dialled.starts_with('+') {
            return assigned(None, &dialled);
        }
        let home = home_country.map(|code| code.trim().to_ascii_uppercase());
        let home = home.and_then(|code| code.parse::<phonenumber::country::Id>().ok());
        // Given a home country the library would take that country's national prefix off foreign numbers, so
        // they are made international before it sees them.
        if let Some(abroad) = home.and_then(|home| without_international_prefix(home, &dialled))
            && let Ok(number) = assigned(None, &format!("+{abroad}"))
        {
            return Ok(number);
        }
        assigned(home, &dialled)
    }

    /// The E.164 form, with its plus sign.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country it belongs to (ISO 3166 code), told apart where several share a country code as they do in +1.
    /// `None` for numbers of no country, such as those of satellite networks.
    pub fn country(&self) -> Option<String> {
        let parsed = phonenumber::parse(None, &self.0).ok()?;
        parsed.country().id().map(|id| id.as_ref().to_owned())
    }

    /// The prefix of a country's numbers, such as `+49` for "DE".
    pub fn prefix_of(country: &str) -> Option<String> {
        let country = phonenumber::metadata::DATABASE.by_id(&country.trim().to_ascii_uppercase())?;
        Some(format!("+{}", country.country_code()))
    }

    /// Whether calling it costs the caller extra: premium rate and shared cost, and the international services
    /// (+979) and satellite networks (+870, +881 to +883) that are dialled to cash in on others' telephones.
    pub fn is_premium(&self) -> bool {
        if PREMIUM_PREFIXES.iter().any(|prefix| self.0.starts_with(prefix)) {
            return true;
        }
        let Ok(parsed) = phonenumber::parse(None, &self.0) else { return true };
        matches!(
            parsed.number_type(&phonenumber::metadata::DATABASE),
            phonenumber::Type::PremiumRate | phonenumber::Type::SharedCost
        )
    }

    /// Whether it belongs to this country (ISO 3166 code); where countries share a code, by the digits after it.
    pub fn is_of(&self, country: &str) -> bool {
        self.country().is_some_and(|id| id.eq_ignore_ascii_case(country.trim()))
    }

    /// The digits by which it is dialled within a country (ISO 3166 code): the national form, or the
    /// country's international prefix and the whole number. `None` for a country that does not exist.
    pub fn dialled_from(&self, country: &str) -> Option<String> {
        let id = country.trim().to_ascii_uppercase();
        let home = phonenumber::metadata::DATABASE.by_id(&id)?;
        let parsed = phonenumber::parse(None, &self.0).ok()?;
        if parsed.country().code() != home.country_code() {
            let only = home.international_prefix().map(|pattern| pattern.as_str());
            // Where several prefixes choose a carrier, `only` is a pattern and no prefix may be preferred.
            let prefix = home.preferred_international_prefix().or(only).map(|prefix| prefix.replace('~', ""));
            let prefix = prefix.filter(|prefix| prefix.bytes().all(|byte| byte.is_ascii_digit()));
            let prefix = prefix.unwrap_or_else(|| "00".to_owned());
            return Some(format!("{prefix}{}", self.0.trim_start_matches('+')));
        }
        let national = parsed.format().mode(phonenumber::Mode::National).to_string();
        Some(national.chars().filter(char::is_ascii_digit).collect())
    }
}

/// Codes of no country whose calls are charged to the caller at a premium.
const PREMIUM_PREFIXES: [&str; 6] = ["+870", "+878", "+881", "+882", "+883", "+979"];

/// A number that some country assigns. `home` must be `None` for international ones.
fn assigned(home: Option<phonenumber::country::Id>, dialled: &str) -> Result<PhoneNumber, PhoneNumberError> {
    let parsed = phonenumber::parse(home, dialled).map_err(|_| PhoneNumberError::Unreadable)?;
    if !parsed.is_valid() {
        return Err(PhoneNumberError::Unassigned);
    }
    let written = parsed.format().mode(phonenumber::Mode::E164).to_string();
    // Some national plans run longer than what other networks carry (ITU-T E.164 §6: fifteen digits).
    match written.len() <= E164_BYTES_MAX {
        true => Ok(PhoneNumber(written)),
        false => Err(PhoneNumberError::Unassigned),
    }
}

/// What follows the prefix by which a country dials abroad (`00`, `011`), if it stands there.
fn without_international_prefix(home: phonenumber::country::Id, dialled: &str) -> Option<&str> {
    let home = phonenumber::metadata::DATABASE.by_id(home.as_ref())?;
    let prefix = home.international_prefix()?.find(dialled).filter(|prefix| prefix.start() == 0)?;
    Some(&dialled[prefix.end()..])
}

/// The digits of a written number, after a plus sign where one leads them; `None` if anything stands there
/// that nobody writes into a number. The library behind guesses more boldly, and may panic on odd letters.
fn dialled(text: &str) -> Option<String> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let mut dialled = String::new();
    for letter in text.trim().chars() {
        match letter {
            '0'..='9' => dialled.push(letter),
            // Full-width forms, from East Asian keyboards.
            '\u{ff10}'..='\u{ff19}' => dialled.extend(char::from_digit(u32::from(letter) - 0xff10, 10)),
            '+' | '\u{ff0b}' if dialled.is_empty() => dialled.push('+'),
            ' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2010}'..='\u{2015}' | '.' | '/' | '(' | ')' => {}
            _ => return None,
        }
    }
    let digits = dialled.trim_start_matches('+').len();
    (3..=DIGITS_MAX).contains(&digits).then_some(dialled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, home: Option<&str>) -> Option<String> {
        PhoneNumber::parse(text, home).ok().map(|number| number.as_str().to_owned())
    }

    /// R49: all comparison is on E.164.
    #[test]
    fn every_way_to_write_a_number_reads_as_the_same() {
        let ways = [
            "+4930123456",
            "+49 30 123456",
            "+49 (0) 30 / 12 34 56",
            "+49-30-123.456",
            "004930123456",
            "030123456",
            "(030) 123456",
            "030/123456",
            "4930123456",
            " +49\u{a0}30\u{2013}123456 ",
            "＋４９３０１２３４５６",
        ];
        for way in ways {
            assert_eq!(read(way, Some("DE")).as_deref(), Some("+4930123456"), "{way}");
        }
        assert_eq!(read("+4930123456", None).as_deref(), Some("+4930123456"));
        assert_eq!(read("+4930123456", Some("US")).as_deref(), Some("+4930123456"));
        assert_eq!(read("01149 30 123456", Some("US")).as_deref(), Some("+4930123456"));
        // A foreign mobile number that begins like a trunk prefix of the caller's own country.
        assert_eq!(read("+4915123456789", Some("US")).as_deref(), Some("+4915123456789"));
        assert_eq!(read("0114915123456789", Some("US")).as_deref(), Some("+4915123456789"));
        assert_eq!(read("(212) 555-0123", Some("us")).as_deref(), Some("+12125550123"));
        assert_eq!(read("0612345678", Some("NL")).as_deref(), Some("+31612345678"));
        assert_eq!(read("06 6982 1234", Some("IT")).as_deref(), Some("+390669821234"), "Italy keeps its zero");
    }

    #[test]
    fn names_short_numbers_and_nonsense_are_no_numbers() {
        let texts = [
            "",
            "+",
            "alice",
            "alice12345678",
            "030alice123456",
            "1800FLOWERS",
            "110",
            "112",
            "100",
            "12",
            "+49",
            "*21#",
            "+49+30123456",
            "030123456;ext=5",
            "tel:+4930123456",
            "++4930123456",
            "00000000",
            "+9991234567",
            "030123456789012345678901234567890",
            "\u{0663}\u{0660}123456",
        ];
        for text in texts {
            assert_eq!(read(text, Some("DE")), None, "{text}");
        }
        assert_eq!(read("030123456", None), None, "without a home country a national number says nothing");
        assert_eq!(read("030123456", Some("no such country")), None);
        assert_eq!(PhoneNumber::parse("+4930", None).err(), Some(PhoneNumberError::Unassigned));
    }

    #[test]
    fn countries_are_told_apart_and_premium_numbers_known() {
        let number = |text| PhoneNumber::parse(text, None).unwrap();
        assert_eq!(number("+4930901820").country().as_deref(), Some("DE"));
        // The same country code, two countries.
        assert_eq!(number("+12125550123").country().as_deref(), Some("US"));
        assert_eq!(number("+18765551234").country().as_deref(), Some("JM"));
        for premium in ["+499001234567", "+19005551234", "+881612345678"] {
            assert!(number(premium).is_premium(), "{premium}");
        }
        for plain in ["+4930901820", "+4915112345678", "+498001234567"] {
            assert!(!number(plain).is_premium(), "{plain}");
        }
    }

    proptest! {
        #[test]
        fn an_international_number_means_the_same_everywhere(
            digits in "(49|1|33|44|39|7|81|55|52|54)[1-9][0-9]{6,10}", home in "DE|US|FR|IT|GB|RU|JP|BR|MX|AR|CI",
        ) {
            let written = format!("+{digits}");
            prop_assert_eq!(read(&written, None), read(&written, Some(&home)));
        }

        #[test]
        fn no_text_panics_and_what_is_read_reads_the_same_again(
            text in prop_oneof![".{0,24}", "[+0-9 ()/.-]{0,24}", "(\\+|00|011|0)?[0-9]{1,16}"],
            home in proptest::option::of("[A-Z]{2}|DE|US|IT|BR|AR|MX|CI"),
        ) {
            if let Ok(number) = PhoneNumber::parse(&text, home.as_deref()) {
                let written = number.as_str().to_owned();
                prop_assert!(written.starts_with('+') && written.len() <= 16, "{}", written);
                prop_assert_eq!(read(&written, None), Some(written));
            }
        }
    }
}
