//! Real mail: what it holds, which of it machines wrote, and where the sender's words end.

use std::path::{Path, PathBuf};

use switchboard::domain::email::automatic::never_answered;
use switchboard::domain::email::bounce::{BounceOutcome, bounce};
use switchboard::domain::email::html_text::text_of_html;
use switchboard::domain::email::read::{Mail, read};
use switchboard::domain::email::split::split;

fn folder(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("FIXTURES_DIR") else {
        eprintln!("skipped: FIXTURES_DIR is not set");
        return None;
    };
    Some(Path::new(&folder).join("inbox/email").join(name))
}

fn files(folder: &Path, ending: &str) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} holds no {ending}", folder.display());
    found
}

fn mail(name: &str, bytes: &[u8]) -> Mail {
    read(bytes).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// W2: every bounce and every other mail of a machine is known as one.
#[test]
fn no_bounce_is_answered() {
    let Some(folder) = folder("bounces") else { return };
    let files = files(&folder, ".eml");
    let missed: Vec<&str> = files
        .iter()
        .filter(|(name, bytes)| never_answered(&mail(name, bytes), &[]).is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    println!("bounces known as such: {} of {}", files.len() - missed.len(), files.len());
    assert_eq!(missed, [""; 0]);
}

/// A bounce tells whom it did not reach; an absence note and a mailing list's refusal are no bounces.
#[test]
fn a_bounce_tells_what_failed() {
    let Some(folder) = folder("bounces") else { return };
    let files = files(&folder, ".eml");
    let (mut bounces, mut named, mut recipients, mut reasons) = (0, 0, 0, 0);
    let mut others = Vec::new();
    for (name, bytes) in &files {
        let Some(found) = bounce(&mail(name, bytes)) else {
            others.push(name.as_str());
            continue;
        };
        bounces += 1;
        named += usize::from(!found.about.is_empty());
        recipients += usize::from(!found.recipients.is_empty());
        reasons += usize::from(found.status.is_some() || found.why.is_some());
        assert_eq!(name.starts_with("arf"), found.outcome == BounceOutcome::Complained, "{name}");
    }
    println!(
        "bounces: {bounces} of {}; naming the mail {named}, recipients {recipients}, reasons {reasons}",
        files.len()
    );
    assert_eq!(others, ["lhost-fml-02.eml", "rfc3834-01.eml"]);
}

/// W2: nobody who writes as people do is taken for a machine.
#[test]
fn ordinary_mail_raises_no_false_alarm() {
    let mut checked = 0;
    let mut alarms = Vec::new();
    for name in [
        "not-bounces",
        "talon",
        "talon/standard_replies",
        "mail-parser/rfc",
        "mail-parser/thirdparty",
        "mail-parser/malformed",
    ] {
        let Some(folder) = folder(name) else { return };
        for (name, bytes) in files(&folder, ".eml") {
            let mail = mail(&name, &bytes);
            checked += 1;
            if let Some(why) = never_answered(&mail, &[]) {
                alarms.push(format!("{name}: {why:?}"));
            }
            assert_eq!(bounce(&mail), None, "{name}");
        }
    }
    println!("ordinary mail: {} of {checked} without a false alarm", checked - alarms.len());
    assert_eq!(alarms, [""; 0]);
}

/// What the parser's own authors expect of each: which parts are text, HTML and files, and what they say.
#[test]
fn every_part_is_where_its_authors_expect_it() {
    let mut held = 0;
    for set in ["rfc", "thirdparty", "malformed"] {
        let Some(folder) = folder(&format!("mail-parser/{set}")) else { return };
        for (name, bytes) in files(&folder, ".eml") {
            let json = std::fs::read(folder.join(name.replace(".eml", ".json"))).unwrap();
            let expected: serde_json::Value = serde_json::from_slice(&json).unwrap();
            let mail = mail(&name, &bytes);
            let list = |key: &str| expected[key].as_array().cloned().unwrap_or_default();
            let part = |index: &serde_json::Value| expected["parts"][index.as_u64().unwrap() as usize]["body"].clone();
            assert_eq!(mail.attachments.len(), list("attachments").len(), "{set}/{name}: files");
            for (index, attachment) in list("attachments").iter().zip(&mail.attachments) {
                let body = part(index);
                let bytes = body["Binary"].as_array().or_else(|| body["InlineBinary"].as_array());
                let bytes =
                    bytes.map(|bytes| bytes.iter().map(|byte| byte.as_u64().unwrap() as u8).collect::<Vec<_>>());
                let text = body["Text"].as_str().or_else(|| body["Html"].as_str()).map(|text| text.as_bytes().to_vec());
                if let Some(expected) = bytes.or(text) {
                    assert_eq!(attachment.bytes, expected, "{set}/{name}: content of a file");
                }
            }
            for index in list("text_body") {
                let body = part(&index);
                let text = body["Text"].as_str().map(str::to_owned);
                let text = text.or_else(|| body["Html"].as_str().map(text_of_html)).unwrap_or_default();
                let text = text.replace("\r\n", "\n");
                assert!(mail.text.contains(text.trim()), "{set}/{name}: {text:?} in {:?}", mail.text);
            }
            for index in list("html_body") {
                if let Some(html) = part(&index)["Html"].as_str() {
                    assert!(mail.html.as_deref().is_some_and(|all| all.contains(html)), "{set}/{name}: {html:?}");
                }
            }
            held += 1;
        }
    }
    println!("parts as expected: {held} of {held}");
    assert_eq!(held, 22);
}

/// The words of one mail, blanks made one.
fn words(text: &str) -> String {
    split(text).words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What talon's authors expect of answers written by many programs.
#[test]
fn answers_of_many_programs_are_cut_from_what_they_quote() {
    let Some(folder) = folder("talon") else { return };
    for (name, bytes) in files(&folder.join("standard_replies"), ".eml") {
        assert_eq!(words(&mail(&name, &bytes).text), "Hello", "{name}");
        // One program's HTML says something else than its plain text.
        let expected = if name == "outlook.eml" { "Allo! Follow up MIME!" } else { "Hello" };
        let html = mail(&name, &bytes).html;
        assert!(html.is_none_or(|html| words(&text_of_html(&html)) == expected), "{name} as HTML");
    }
    let share = std::fs::read(folder.join("reply-quotations-share-block.eml")).unwrap();
    let share = words(&mail("share", &share).text);
    assert!(share.starts_with("Hi Katharine.") && share.ends_with("Joe XXX"), "{share}");
    let fine = "Hi. I am fine. Thanks, Alex";
    let expected = [
        ("OLK_SRC_BODY_SECTION.html", "Reply"),
        ("reply-separated-by-hr.html", "Hi there Bob"),
        ("html_replies/gmail.html", fine),
        ("html_replies/ms_outlook_2003.html", fine),
        ("html_replies/ms_outlook_2007.html", fine),
        ("html_replies/ms_outlook_2010.html", fine),
        ("html_replies/yandex_ru.html", fine),
    ];
    for (name, expected) in expected {
        let html = std::fs::read(folder.join(name)).unwrap();
        assert_eq!(words(&text_of_html(&String::from_utf8_lossy(&html))), expected, "{name}");
    }
    println!("answers of programs: 5 plain, 4 of them as HTML, 1 shared block, {} HTML", expected.len());
}

/// What email-reply-parser's authors expect.
#[test]
fn answers_above_below_and_between_quotations_are_found() {
    let Some(folder) = folder("email-reply-parser") else { return };
    let whole = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let exactly = [
        ("correct_sig.txt", "this is an email with a correct -- signature."),
        ("email_1_3.txt", "Oh thanks. Having the function would be great."),
        ("email_1_4.txt", "Awesome! I haven't had another problem with it."),
        ("email_1_7.txt", ":+1:"),
        ("email_1_8.txt", "I will reply under this one and under this."),
        ("email_2_2.txt", "Outlook with a reply directly above line"),
        ("email_2_3.txt", "Outlook with a reply above headers using unusual format"),
        ("email_BlackBerry.txt", "Here is another email"),
        ("email_gmail.txt", "This is a test for inbox replying to a github message."),
        ("email_iPhone.txt", "Here is another email"),
        ("email_multi_word_sent_from_my_mobile_device.txt", "Here is another email"),
        (
            "email_partial_quote_header.txt",
            "On your remote host you can run: telnet 127.0.0.1 52698 This should connect to TextMate (on your Mac, via the \
             tunnel). If that fails, the tunnel is not working.",
        ),
        (
            "email_sent_from_my_not_signature.txt",
            "Here is another email Sent from my desk, is much easier then my mobile phone.",
        ),
    ];
    for (name, expected) in exactly {
        assert_eq!(words(&whole(name)), expected, "{name}");
    }
    let all = whole("email_1_5.txt");
    assert_eq!(words(&all), all.split_whitespace().collect::<Vec<_>>().join(" "));
    let below = words(&whole("email_1_2.txt"));
    assert!(
        below.starts_with("Hi, You can list the keys") && below.ends_with("delete them all individually.\""),
        "{below}"
    );
    println!("answers of reply-parser: {} of {}", exactly.len() + 2, files(&folder, ".txt").len());
    assert_eq!(exactly.len() + 2, files(&folder, ".txt").len());
}
