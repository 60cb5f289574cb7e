//! Writing numbers into calls that we make, in the form the trunk expects (R49).

use crate::domain::phone_number::PhoneNumber;

/// How a trunk wants numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberForm {
    /// `+4930123456`.
    E164,
    /// `4930123456`.
    WithoutPlus,
    /// `004930123456`.
    DoubleZero,
    /// As dialled within the home country: `030123456`, and other countries with the prefix that is dialled
    /// there (`00`, `011`). Without a home country it is written with `00`.
    National,
}

/// The user part of an address for `number`; digits only, save for a leading plus.
pub fn written(number: &PhoneNumber, form: NumberForm, home_country: Option<&str>) -> String {
    let digits = number.as_str().trim_start_matches('+');
    match form {
        NumberForm::E164 => format!("+{digits}"),
        NumberForm::WithoutPlus => digits.to_owned(),
        NumberForm::DoubleZero => format!("00{digits}"),
        NumberForm::National => {
            home_country.and_then(|home| number.dialled_from(home)).unwrap_or_else(|| format!("00{digits}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text, None).ok().unwrap()
    }

    #[test]
    fn each_trunk_gets_its_form() {
        let berlin = number("+4930123456");
        let cases = [
            (NumberForm::E164, Some("DE"), "+4930123456"),
            (NumberForm::WithoutPlus, Some("DE"), "4930123456"),
            (NumberForm::DoubleZero, Some("DE"), "004930123456"),
            (NumberForm::National, Some("DE"), "030123456"),
            (NumberForm::National, Some("FR"), "004930123456"),
            (NumberForm::National, Some("US"), "0114930123456"),
            (NumberForm::National, Some("JP"), "0104930123456"),
            (NumberForm::National, Some("AU"), "00114930123456"),
            (NumberForm::National, Some("RU"), "8104930123456"),
            (NumberForm::National, Some("BR"), "004930123456"),
            (NumberForm::National, None, "004930123456"),
            (NumberForm::National, Some("nowhere"), "004930123456"),
        ];
        for (form, home, expected) in cases {
            assert_eq!(written(&berlin, form, home), expected, "{form:?} {home:?}");
        }
        assert_eq!(written(&number("+12125550123"), NumberForm::National, Some("US")), "2125550123");
        assert_eq!(written(&number("+390669821234"), NumberForm::National, Some("IT")), "0669821234");
        assert_eq!(written(&number("+31612345678"), NumberForm::National, Some("nl")), "0612345678");
    }

    proptest! {
        /// What we write for a trunk means the same number there.
        #[test]
        fn every_form_reads_back_as_the_same_number(
            text in "(030|089|0151|0800)[0-9]{6,8}|\\+1212555[0-9]{4}|\\+336[0-9]{8}", home in "DE|US|FR|IT|GB",
        ) {
            let Ok(number) = PhoneNumber::parse(&text, Some("DE")) else { return Ok(()) };
            for form in [NumberForm::E164, NumberForm::National] {
                let written = written(&number, form, Some(&home));
                let read = PhoneNumber::parse(&written, Some(&home)).ok();
                prop_assert_eq!(read.as_ref().map(PhoneNumber::as_str), Some(number.as_str()), "{} from {}", written, home);
            }
        }
    }
}
