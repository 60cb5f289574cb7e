//! What is written, and what is said.

use proptest::prelude::*;

use super::*;

fn check(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (written, expected) in cases {
        let said = normalise(written);
        if said != *expected {
            wrong.push(format!("{written:?}\n  said     {said:?}\n  expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn plain_sentences_stay_as_they_are() {
    check(&[
        ("Hello, how can I help you today?", "Hello, how can I help you today?"),
        ("It's the customer's choice; isn't it?", "It's the customer's choice; isn't it?"),
        ("A well-known shop.", "A well-known shop."),
        ("Okay", "Okay"),
    ]);
}

#[test]
fn dates_are_read_in_every_usual_form() {
    check(&[
        ("on 2026-03-05", "on March fifth, twenty twenty six"),
        ("at 2026-03-05T14:30:00Z", "at March fifth, twenty twenty six at two thirty P M"),
        ("due 3/14/2026.", "due March fourteenth, twenty twenty six."),
        ("due 14/3/2026", "due March fourteenth, twenty twenty six"),
        ("am 24.12.2025", "am December twenty fourth, twenty twenty five"),
        ("March 5, 2026 is fine", "March fifth, twenty twenty six is fine"),
        ("Mar 5th works", "March fifth works"),
        ("5 March 2026", "the fifth of March, twenty twenty six"),
        ("the 1st of May", "the first of May"),
        ("May 3–5", "May third to fifth"),
        ("since June 2019", "since June twenty nineteen"),
        ("I may come", "I may come"),
        ("Dec. 24", "December twenty fourth"),
        ("in the 1990s", "in the nineteen nineties"),
    ]);
}

#[test]
fn times_and_opening_hours_are_read() {
    check(&[
        ("at 9:30", "at nine thirty"),
        ("at 9:05 am", "at nine oh five A M"),
        ("at 17:00", "at five P M"),
        ("at 12:00 pm.", "at twelve P M."),
        ("We open at 9 a.m. Come in.", "We open at nine A M. Come in."),
        ("We open at 9 a.m. and close at 5 p.m.", "We open at nine A M and close at five P M."),
        ("Mon–Fri 9–17", "Monday to Friday nine A M to five P M"),
        ("Open Mon-Fri 9-5", "Open Monday to Friday nine to five"),
        ("Monday to Friday, 09:00–17:30", "Monday to Friday, nine A M to five thirty P M"),
        ("Sat & Sun 10am-4pm", "Saturday and Sunday ten A M to four P M"),
        ("Sat 10:00 - 14:00", "Saturday ten A M to two P M"),
        ("We sat in the sun.", "We sat in the sun."),
        ("support 24/7", "support twenty four seven"),
        ("until 8pm", "until eight P M"),
        ("10:00", "ten o'clock"),
        ("00:15", "twelve fifteen A M"),
    ]);
}

#[test]
fn money_is_read_in_its_currency() {
    check(&[
        ("It costs $12.50.", "It costs twelve dollars and fifty cents."),
        ("$1", "one dollar"),
        ("£5", "five pounds"),
        ("9,99 €", "nine euros and ninety nine cents"),
        ("€1.250,00", "one thousand two hundred fifty euros"),
        ("$1,250.75", "one thousand two hundred fifty dollars and seventy five cents"),
        ("USD 20", "twenty dollars"),
        ("20 CHF", "twenty Swiss francs"),
        ("$3.2 million", "three point two million dollars"),
        ("£0.50", "fifty pence"),
        ("$5-10", "five to ten dollars"),
        ("€5–€10", "five to ten euros"),
        ("99¢", "ninety nine cents"),
        ("¥500", "five hundred yen"),
        ("$10k", "ten thousand dollars"),
        ("1 200 kr", "one thousand two hundred kroner"),
    ]);
}

#[test]
fn numbers_of_all_kinds_are_read() {
    check(&[
        ("up to 15%", "up to fifteen percent"),
        ("3.5 %", "three point five percent"),
        ("10-15 %", "ten to fifteen percent"),
        ("the 1st and the 22nd", "the first and the twenty second"),
        ("1,250 items", "one thousand two hundred fifty items"),
        ("3.14", "three point one four"),
        ("-5 degrees", "minus five degrees"),
        ("2-3 days", "two to three days"),
        ("3–5 business days", "three to five business days"),
        ("in 2024", "in twenty twenty four"),
        ("1/2 cup", "one half cup"),
        ("2 1/2 hours", "two and one half hours"),
        ("3½ hours", "three and one half hours"),
        ("5 km", "five kilometres"),
        ("1 kg", "one kilogram"),
        ("10kg.", "ten kilograms."),
        ("20°C", "twenty degrees Celsius"),
        ("a 30-min call", "a thirty minutes call"),
        ("120 km/h", "one hundred twenty kilometres an hour"),
        ("10x20 cm", "ten by twenty centimetres"),
        ("version 1.2.3", "version one point two point three"),
        ("30 days", "thirty days"),
        ("1,000,000", "one million"),
        ("3x faster", "three times faster"),
    ]);
}

#[test]
fn telephone_numbers_are_read_in_groups() {
    check(&[
        ("Call 555-123-4567.", "Call five five five, one two three, four five six seven."),
        ("(555) 123-4567", "five five five, one two three, four five six seven"),
        ("+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"),
        ("+442079460958", "plus four four, two zero, seven nine four six, zero nine five eight"),
        ("0800 123 456", "zero eight zero zero, one two three, four five six"),
        ("Tel. 030 1234567", "telephone zero three zero, one two three, four five six seven"),
        ("1-800-555-0199", "one, eight zero zero, five five five, zero one nine nine"),
        ("+1 (415) 555-2671 ext. 12", "plus one, four one five, five five five, two six seven one, extension one two"),
        ("call 112", "call one hundred twelve"),
    ]);
}

#[test]
fn codes_are_read_letter_by_letter() {
    check(&[
        ("order AB-1234", "order A B, one two three four"),
        ("code X7K9", "code X seven K nine"),
        ("Your order 48213 is here", "Your order four eight two, one three is here"),
        ("ticket #4821", "ticket four eight two one"),
        ("We're #1", "We're number one"),
        ("room 204", "room two zero four"),
        ("A4 paper", "A four paper"),
        ("Windows 11", "Windows eleven"),
        ("COVID-19", "Covid nineteen"),
        ("an MP3 file", "an M P three file"),
        ("SW1A 1AA", "S W one A one A A"),
        ("serial 0012345", "serial zero zero one, two three four five"),
        ("U.S.A. is", "U S A is"),
    ]);
}

#[test]
fn addresses_are_read_with_at_and_dot() {
    check(&[
        ("Write to help@example.com.", "Write to help at example dot com."),
        ("jane.doe+x@mail.co.uk", "jane dot doe plus X at mail dot co dot U K"),
        ("see https://www.example.com/returns?x=1 for", "see example dot com slash returns for"),
        ("visit example.com/help.", "visit example dot com slash help."),
        ("www.my-shop.de", "my dash shop dot de"),
    ]);
}

#[test]
fn abbreviations_and_symbols_become_words() {
    check(&[
        ("Mr. Smith and Mrs. Jones", "Mister Smith and Missus Jones"),
        ("Dr. Lee is in.", "Doctor Lee is in."),
        ("fruit, e.g. apples", "fruit, for example apples"),
        ("i.e. tomorrow", "that is tomorrow"),
        ("12 Main St.", "twelve Main Street."),
        ("St. Patrick's", "Saint Patrick's"),
        ("No. 5", "number five"),
        ("No. Not today.", "No. Not today."),
        ("bread, milk, etc. We", "bread, milk, and so on. We"),
        ("terms & conditions", "terms and conditions"),
        ("he/she", "he or she"),
        ("approx. 5 km", "approximately five kilometres"),
        ("Mon", "Monday"),
        ("PLEASE DO NOT REPLY", "Please Do Not Reply"),
        ("Our FAQ and VAT ID", "Our FAQ and VAT ID"),
        ("a + b = c", "a plus b equals c"),
    ]);
}

#[test]
fn markup_and_pictures_are_not_spoken() {
    check(&[
        ("**Bold** and _soft_ and `code`", "Bold and soft and code"),
        ("# Returns\nYou have 30 days.", "Returns. You have thirty days."),
        ("- one\n- two", "one. two"),
        ("1. Open\n2. Close", "one: Open. two: Close"),
        ("See [our page](https://x.com/a).", "See our page."),
        ("Great 🎉 news 👍🏽!", "Great news!"),
        ("<b>Hi</b> there&nbsp;you", "Hi there you"),
        ("“Quoted” – yes… (really)", "Quoted, yes. really"),
        ("ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
        ("café Zürich", "café Zürich"),
        ("Привет", "privet"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a, b. one, two"),
    ]);
}

/// Never silence where something was written.
#[test]
fn what_cannot_be_read_is_reported_aloud() {
    check(&[("你好", UNREADABLE), ("مرحبا", UNREADABLE), ("🎉", ""), ("", ""), ("...", "")]);
}

#[test]
fn a_date_in_numbers_follows_the_configured_order() {
    assert_eq!(normalise_with("3/4/2026", DateOrder::DayFirst), "April third, twenty twenty six");
    assert_eq!(normalise_with("3/4/2026", DateOrder::MonthFirst), "March fourth, twenty twenty six");
}

fn only_speakable(said: &str) -> bool {
    said.chars().all(|c| clean::is_readable_letter(c) || " .,!?;:'-".contains(c))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// R45: no text makes it fail, and what comes out can be spoken and is bounded.
    #[test]
    fn any_text_becomes_speakable(text in ".{0,200}") {
        let said = normalise(&text);
        prop_assert!(only_speakable(&said), "{text:?} became {said:?}");
        prop_assert!(said.len() <= text.len() * 16 + UNREADABLE.len());
        if text.chars().any(char::is_alphanumeric) {
            prop_assert!(!said.is_empty());
        }
    }

    #[test]
    fn any_mixture_of_what_rules_know_becomes_speakable(
        parts in prop::collection::vec(
            prop_oneof![
                "[0-9]{1,20}", "[-–/.:,+#$€£%&@() ]", "[A-Za-z]{1,6}", "(am|pm|Mon|Fri|St\\.|No\\.|Mar|km|h|USD|bn|x|ext)",
                "\\s", "[*_`#>|<-]", "(https://|www\\.|\\.com|@)",
            ],
            0..40,
        )
    ) {
        let text = parts.concat();
        let said = normalise(&text);
        prop_assert!(only_speakable(&said), "{text:?} became {said:?}");
        prop_assert!(said.len() <= text.len() * 16 + UNREADABLE.len());
    }
}
