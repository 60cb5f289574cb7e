use super::*;

const SHIPPING: &str = "We ship to Germany and Austria within 2 to 3 working days. Shipping is free from €50. We do not \
    ship to Norway. Returns are free within 30 days, but only for unused lamps.";
const HOURS: &str = "Monday to Friday 9:00–17:00; Saturday 10:00–14:00; closed on Sunday.";

fn ground(text: &str) -> Ground {
    let passage = Passage { question: "What about the Aurora lamp?", text, may_be_reached_by: true };
    Ground::of(&[passage], "Lumen")
}

fn check(text: &str, sentence: &str) -> Result<(), Fault> {
    ground(text).check(sentence)
}

/// The check lets through what it is there for.
#[test]
fn what_the_passage_says_in_other_words_stands() {
    for sentence in [
        "Shipping to Germany and Austria takes two to three working days.",
        "Shipping is free from 50 euros.",
        "We don't ship to Norway.",
        "We do not ship to Norway, and shipping is free from €50.",
        "Returns are free within 30 days, but only for unused lamps.",
        "The Aurora lamp ships free from €50.",
    ] {
        let sentence_check = check(SHIPPING, sentence);
        let expected = if sentence.starts_with("The Aurora") { Err(Fault::Facts) } else { Ok(()) };
        assert_eq!(sentence_check, expected, "{sentence}");
    }
    assert_eq!(check("It weighs 2 kg.", "The Aurora lamp weighs two kilograms."), Ok(()), "named in the question");
    assert_eq!(check(HOURS, "On Saturday we are closed on Sunday."), Err(Fault::Facts));
}

#[test]
fn a_changed_number_date_price_or_unit_does_not_stand() {
    for sentence in [
        "Shipping to Germany and Austria takes two to four working days.",
        "Shipping to Germany and Austria takes two working days.",
        "Shipping to Germany takes 2 to 3 weeks.",
        "Shipping is free from €30.",
        "Shipping is free from $50.",
        "Returns are free within 50 days, but only for unused lamps.",
        "Shipping is free from fifty thousand euros.",
    ] {
        assert!(check(SHIPPING, sentence).is_err(), "{sentence}");
    }
    assert_eq!(check("The sale ends on 24 December.", "The sale ends on 24 January."), Err(Fault::Facts));
}

#[test]
fn a_dropped_or_added_negation_does_not_stand() {
    for sentence in [
        "We ship to Norway.",
        "We do not ship to Germany and Austria.",
        "Shipping is not free from €50.",
        "Returns are free within 30 days.",
    ] {
        // The last is the passage's own first part, and its limit the part after it: see `is_a_limit`.
        let expected = if sentence.starts_with("Returns") { Ok(()) } else { Err(Fault::Negation) };
        assert_eq!(check(SHIPPING, sentence), expected, "{sentence}");
    }
    assert_eq!(check("Refunds only within 14 days.", "Refunds within 14 days."), Err(Fault::Negation));
    assert!(is_a_limit("But only for unused lamps."));
}

/// "Yes, I am open on Sunday", against a passage that says closed, is what small models wrote.
#[test]
fn the_hours_of_one_day_are_not_those_of_another() {
    assert_eq!(check(HOURS, "We are closed on Sunday."), Ok(()));
    assert!(check(HOURS, "We are open on Sunday.").is_err());
    let hours =
        "We are open Monday to Friday 9:00–17:00. We are open on Saturday 10:00–14:00. We are closed on Sunday.";
    assert_eq!(check(hours, "We are closed on Sunday."), Ok(()));
    assert_eq!(check(hours, "We are open on Saturday from 10 am to 2 pm."), Ok(()));
    assert_eq!(check(hours, "We are open from Monday to Friday."), Ok(()));
    for sentence in [
        "We are open on Sunday.",
        "We are open on Sunday from 9:00 to 17:00.",
        "On Saturday, we are open from 9:00 to 17:00.",
        "We are open from Monday to Saturday.",
    ] {
        assert!(check(hours, sentence).is_err(), "{sentence}");
    }
}

#[test]
fn names_and_addresses_that_are_not_there_do_not_stand() {
    let text = "Write to help@lumen.example or call +49 30 1234567. Our shop is in Berlin.";
    assert_eq!(check(text, "Please write to help@lumen.example."), Ok(()));
    assert_eq!(check(text, "Please call +49 (30) 123 4567."), Ok(()));
    for sentence in [
        "Please write to help@lumen.test.",
        "Please call +49 30 7654321.",
        "Our shop is in Hamburg.",
        "Write to Bob in our shop.",
        "Call our shop at https://evil.example/login.",
    ] {
        assert!(check(text, sentence).is_err(), "{sentence}");
    }
    let passage = Passage { question: "", text, may_be_reached_by: false };
    assert_eq!(Ground::of(&[passage], "").check("Please call +49 30 1234567."), Err(Fault::Facts));
}

#[test]
fn deeds_inventions_and_hidden_signs_do_not_stand() {
    assert_eq!(check(SHIPPING, "I have shipped your lamps to Germany."), Err(Fault::Deed));
    assert_eq!(check(SHIPPING, "Your returns have been shipped."), Err(Fault::Deed));
    assert_eq!(check(SHIPPING, "Gift wrapping and engraving cost nothing."), Err(Fault::Words));
    assert_eq!(check(SHIPPING, "Shipping is fr\u{200b}ee from €50."), Err(Fault::Hidden));
    assert_eq!(check(SHIPPING, "Shipping is free from €５0."), Err(Fault::Hidden));
    assert_eq!(check(SHIPPING, "Sure!"), Err(Fault::Words));
    assert_eq!(check("Open the page My orders and choose Return.", "Choose Return on the page My orders."), Ok(()));
    assert_eq!(check("Open the page orders and choose Return.", "Open my page and choose Return."), Err(Fault::Deed));
}

fn sentence_of(words: &[&str], number: u32) -> String {
    let mut words = words.join(" ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{words} costs {number} euros.")
}

const WORDS: &[&str] = &["lamp", "shade", "bulb", "cable", "box", "return", "parcel", "repair", "colour", "size"];

proptest::proptest! {
    /// What a passage says, in its own words, always stands.
    #[test]
    fn a_quoted_sentence_stands(
        words in proptest::sample::subsequence(WORDS, 2..5),
        number in 2u32..100_000,
        others in proptest::collection::vec(2u32..100_000, 0..4),
    ) {
        let sentence = sentence_of(&words, number);
        let mut text = others.iter().map(|other| sentence_of(&["something", "else"], *other)).collect::<Vec<_>>();
        text.push(sentence.clone());
        proptest::prop_assert_eq!(check(&text.join(" "), &sentence), Ok(()));
    }

    /// With another number than any of its passage's, it never does.
    #[test]
    fn a_sentence_with_a_changed_number_never_stands(
        words in proptest::sample::subsequence(WORDS, 2..5),
        number in 2u32..100_000,
        changed in 2u32..100_000,
        denied in proptest::bool::ANY,
    ) {
        proptest::prop_assume!(number != changed);
        let text = sentence_of(&words, number);
        let mut sentence = sentence_of(&words, changed);
        if denied {
            sentence = sentence.replace(" costs ", " never costs ");
        }
        proptest::prop_assert!(check(&text, &sentence).is_err());
    }

    /// With a "not" more or less, it never does either.
    #[test]
    fn a_sentence_with_a_changed_negation_never_stands(
        words in proptest::sample::subsequence(WORDS, 2..5),
        number in 2u32..100_000,
        not in proptest::sample::select(NEGATIONS.to_vec()),
        dropped in proptest::bool::ANY,
    ) {
        let plain = sentence_of(&words, number);
        let denied = plain.replace(" costs ", &format!(" {not} costs "));
        let (text, sentence) = if dropped { (denied, plain) } else { (plain, denied) };
        proptest::prop_assert!(check(&text, &sentence).is_err());
    }

    /// Whatever stands has no number that its passage lacks, and nothing panics.
    #[test]
    fn whatever_stands_has_the_passages_numbers(
        text in "[a-zA-Z0-9 .,;€?!]{0,80}",
        sentence in "[a-zA-Z0-9 .,;€?!]{0,60}",
    ) {
        if check(&text, &sentence).is_ok() {
            let held = facts(&text);
            for fact in facts(&sentence) {
                let Fact::Number(number) = &fact else { continue };
                let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
                proptest::prop_assert!(
                    held.contains(&fact) || digits(&text).contains(&digits(number)),
                    "{} in {:?}", number, held
                );
            }
        }
    }
}
