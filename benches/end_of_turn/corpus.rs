//! What callers say: whole sentences, and sentences, numbers and spellings with pauses inside.

use std::path::{Path, PathBuf};

use media::{FRAME_SAMPLES, Frame};
use switchboard::adapters::stt::word_errors::telephone;
use switchboard::seams::tts::{Tts, TtsRequest};

/// One utterance as a telephone brings it.
pub struct Utterance {
    /// Which row of the table it belongs to.
    pub group: &'static str,
    /// Whether its text is one of those that the waits were tuned on; the others only measure.
    pub tuned_on: bool,
    /// What is said, pauses as `…`.
    pub text: String,
    /// The audio, with silence before and after.
    pub frames: Vec<Frame>,
    /// The frame after the last one that is part of the utterance.
    pub end: usize,
}

/// All utterances: synthesised ones, and recorded human ones where the fixtures are.
pub fn utterances(tts: &dyn Tts) -> Vec<Utterance> {
    let mut all = Vec::new();
    for (index, text) in QUESTIONS.iter().enumerate() {
        all.push(synthesised(tts, "question", index, 0, &[text], &[]));
    }
    for (index, text) in STATEMENTS.iter().enumerate() {
        all.push(synthesised(tts, "statement", index, 0, &[text], &[]));
    }
    for take in 0..TAKES {
        for (index, parts) in PAUSED.iter().enumerate() {
            all.push(synthesised(tts, "pause inside", index, take, parts, &PAUSES_MS));
        }
        for (index, parts) in NUMBERS.iter().enumerate() {
            all.push(synthesised(tts, "number", index, take, parts, &NUMBER_PAUSES_MS));
        }
        for (index, parts) in SPELLINGS.iter().enumerate() {
            all.push(synthesised(tts, "spelling", index, take, parts, &NUMBER_PAUSES_MS));
        }
    }
    match std::env::var_os("FIXTURES_DIR") {
        Some(folder) => all.extend(recorded(&PathBuf::from(folder).join("speech"))),
        None => eprintln!("FIXTURES_DIR names no fixtures: synthesised speech only"),
    }
    all
}

/// The text in one of the voices, at one of the speeds, with these pauses from one of them on; each take of
/// a text has others.
fn synthesised(
    tts: &dyn Tts,
    group: &'static str,
    index: usize,
    take: usize,
    parts: &[&str],
    pauses_ms: &[usize],
) -> Utterance {
    let voice = VOICES[(index / 2 + take) % VOICES.len()];
    let speed = SPEEDS[(index / 2 + 2 * take) % SPEEDS.len()];
    let spoken: Vec<Vec<f32>> = parts.iter().map(|part| trimmed(&speak(tts, part, voice, speed))).collect();
    let pauses: Vec<usize> =
        pauses_ms.iter().copied().cycle().skip(index / 2 + 2 * take).take(parts.len().saturating_sub(1)).collect();
    joined(group, index % 2 == 1, format!("{} ({voice}, {speed})", parts.join(" … ")), &spoken, &pauses)
}

fn speak(tts: &dyn Tts, text: &str, voice: &str, speed: f32) -> Vec<f32> {
    let mut stream = tts.speak(TtsRequest { text: text.to_string(), speed, voice: Some(voice.to_string()) });
    let mut samples = Vec::new();
    while let Some(chunk) = stream.blocking_recv() {
        samples.extend(chunk.expect("speaks").clip.iter().map(|&sample| f32::from(sample) / 32_768.0));
    }
    samples
}

/// Human utterances: whole, and each again with pauses put into its gaps.
fn recorded(folder: &Path) -> Vec<Utterance> {
    let manifest = std::fs::read_to_string(folder.join("manifest.tsv")).expect("a manifest");
    let mut all = Vec::new();
    for (index, line) in manifest.lines().skip(1).enumerate() {
        let tuned_on = index % 2 == 1;
        let mut columns = line.split('\t');
        let (Some(file), Some(text)) = (columns.next(), columns.next()) else { continue };
        let samples = trimmed(&switchboard::adapters::stt::wav::read_wav(&folder.join(file)).expect("a WAV file"));
        let digits = file.starts_with("fsdd");
        let group = if digits { "human number" } else { "human whole" };
        all.push(joined(group, tuned_on, text.into(), std::slice::from_ref(&samples), &[]));
        // A recording under two seconds has no gap but those inside its words.
        if samples.len() < 32_000 {
            continue;
        }
        let gaps = gaps(&samples, if digits { 6 } else { 4 });
        for (turn, pause_ms) in [300, 500, 800, 1_100].into_iter().enumerate() {
            if digits {
                let parts = cut(&samples, &gaps);
                let pauses: Vec<usize> =
                    (0..gaps.len()).map(|gap| if gap % 3 == turn % 3 { pause_ms } else { 150 }).collect();
                all.push(joined("human number", tuned_on, format!("{text} (pauses {pause_ms} ms)"), &parts, &pauses));
            } else if let Some(&gap) = gaps.get(turn % gaps.len().max(1)) {
                let parts = cut(&samples, &[gap]);
                all.push(joined("human pause", tuned_on, format!("{text} (pause {pause_ms} ms)"), &parts, &[pause_ms]));
            }
        }
    }
    all
}

/// The quietest places of a recording, away from its ends and from each other.
fn gaps(samples: &[f32], count: usize) -> Vec<usize> {
    let frame = FRAME_SAMPLES;
    let energy = |at: usize| samples[at..at + 2 * frame].iter().map(|sample| sample * sample).sum::<f32>();
    let mut places: Vec<usize> = (0..samples.len().saturating_sub(2 * frame)).step_by(frame / 2).collect();
    places.sort_by(|&a, &b| energy(a).total_cmp(&energy(b)));
    let mut chosen: Vec<usize> = Vec::new();
    // 400 ms, so that no gap is taken inside the last sound.
    let apart = 20 * frame;
    for place in places {
        let inside = place > apart && place + apart < samples.len();
        if inside && chosen.len() < count && chosen.iter().all(|other| other.abs_diff(place) > apart) {
            chosen.push(place);
        }
    }
    chosen.iter_mut().for_each(|place| *place += frame);
    chosen.sort_unstable();
    chosen
}

fn cut(samples: &[f32], at: &[usize]) -> Vec<Vec<f32>> {
    let mut parts = Vec::new();
    let mut from = 0;
    for &place in at.iter().chain([&samples.len()]) {
        parts.push(samples[from..place].to_vec());
        from = place;
    }
    parts
}

/// Without the silence before and after.
fn trimmed(samples: &[f32]) -> Vec<f32> {
    let loud = |sample: &&f32| sample.abs() > 0.01;
    let from = samples.iter().position(|sample| loud(&sample)).unwrap_or(0);
    let until = samples.iter().rposition(|sample| loud(&sample)).map_or(samples.len(), |at| at + 1);
    samples[from..until].to_vec()
}

fn joined(group: &'static str, tuned_on: bool, text: String, parts: &[Vec<f32>], pauses_ms: &[usize]) -> Utterance {
    let mut samples = silence(600);
    for (index, part) in parts.iter().enumerate() {
        samples.extend_from_slice(part);
        if let Some(&pause_ms) = pauses_ms.get(index) {
            samples.extend(silence(pause_ms));
        }
    }
    let end_samples = samples.len();
    samples.extend(silence(4_000));
    let frames = frames(&telephone(&samples));
    let audible = |frame: &Frame| media::vad::level_dbfs(frame) > AUDIBLE_DBFS;
    let last = frames[..(end_samples / FRAME_SAMPLES + 2).min(frames.len())].iter().rposition(audible);
    Utterance { group, tuned_on, text, frames, end: last.map_or(0, |at| at + 1) }
}

/// A quiet line is not digital silence: noise at −70 dBFS.
fn silence(ms: usize) -> Vec<f32> {
    let mut seed = 7u32;
    (0..ms * 16)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((seed >> 8) as f32 / (1 << 23) as f32 - 1.0) * 0.0005
        })
        .collect()
}

fn frames(samples: &[f32]) -> Vec<Frame> {
    let frame = |chunk: &[f32]| {
        let mut frame = Frame::SILENCE;
        for (to, from) in frame.0.iter_mut().zip(chunk) {
            *to = (from * 32_767.0).clamp(-32_768.0, 32_767.0) as i16;
        }
        frame
    };
    samples.chunks_exact(FRAME_SAMPLES).map(frame).collect()
}

/// Where the caller's last sound is measured.
const AUDIBLE_DBFS: f32 = -45.0;
/// How often every text with pauses is spoken.
const TAKES: usize = 2;
const VOICES: [&str; 2] = ["caller", "agent"];
const SPEEDS: [f32; 3] = [1.0, 0.85, 1.15];
/// Pauses for breath and thought.
const PAUSES_MS: [usize; 6] = [300, 500, 700, 900, 1_200, 1_500];
/// Between groups of digits or letters.
const NUMBER_PAUSES_MS: [usize; 4] = [300, 500, 750, 1_000];

const QUESTIONS: &[&str] = &[
    "What time do you open tomorrow?",
    "How do I return a mattress?",
    "Do you ship to Canada?",
    "Where is my order?",
    "Can I change my delivery address?",
    "What is your refund policy?",
    "How much does shipping cost?",
    "Are you open on Sundays?",
    "Do you have any rooms available for Friday night?",
    "How can I reset my password?",
    "Is breakfast included in the price?",
    "When will my package arrive?",
    "What payment methods do you accept?",
    "Can I bring my dog?",
    "How long does delivery take?",
    "Do you offer a student discount?",
    "Which sizes do you have in stock?",
    "Who do I contact about a warranty claim?",
    "Can you tell me your opening hours?",
    "Is there parking at the hotel?",
    "How do I cancel my subscription?",
    "Could you tell me where you are located?",
    "What happens if I am not at home?",
    "Do you take American Express?",
    "Hi, do you repair old phones?",
    "What are your opening hours?",
    "Where can I park my car?",
    "Do you deliver on weekends?",
    "How do I change my email address?",
    "Why was my payment declined?",
    "Can I pay with cash?",
    "Does the room have a balcony?",
    "What is the wifi password?",
    "Are there any fees?",
    "When does the sale end?",
    "How far are you from the airport?",
    "Will it rain tomorrow?",
    "Which bus goes to the centre?",
    "Is the pool open in winter?",
    "Should I print my ticket?",
    "Do I need a passport?",
    "Can children stay for free?",
    "How late is the kitchen open?",
];

const STATEMENTS: &[&str] = &[
    "I would like to book a table for tonight.",
    "I lost my credit card.",
    "My package arrived damaged.",
    "I want to speak to a person.",
    "The heating in my room is not working.",
    "I forgot my password.",
    "Please cancel my appointment.",
    "I need a copy of my invoice.",
    "Yes, that is correct.",
    "No, thank you.",
    "That's all, goodbye.",
    "I was charged twice for the same order.",
    "I'd like to know about your return policy.",
    "My flight was cancelled yesterday.",
    "I am calling about my order from last week.",
    "I would like to speak to your manager.",
    "There is no hot water on the third floor.",
    "I left my umbrella in the restaurant.",
    "You sent me the wrong colour.",
    "My card was declined this morning.",
    "I want to cancel my subscription.",
    "The driver never came to my house.",
    "I need to change my booking to Thursday.",
    "Somebody used my account without asking me.",
    "The app crashes every time.",
    "We arrive on Tuesday at nine.",
    "I never received a confirmation.",
    "My parcel is stuck in customs.",
    "I think you charged me too much.",
    "The blue one, please.",
    "It happened last Monday.",
    "I already tried that.",
    "Nobody answers my emails.",
    "My son has broken his glasses.",
    "I need a receipt for my company.",
    "The washing machine makes a strange noise.",
    "I would rather have my money back.",
    "Yes, next Wednesday would be fine.",
    "No, I have never been there before.",
    "The code does not work.",
];

const PAUSED: &[&[&str]] = &[
    &["I would like to,", "change my delivery address."],
    &["Can you tell me,", "what time you open tomorrow?"],
    &["I ordered a sofa,", "two weeks ago and it has not arrived."],
    &["My name is,", "John Miller."],
    &["I'm calling because,", "my internet is down."],
    &["Do you have,", "any rooms available for Friday?"],
    &["I have a question about,", "my last invoice."],
    &["Um,", "I wanted to ask about parking."],
    &["The thing is,", "I already paid for it."],
    &["I'd like to book a table for four people,", "on Saturday evening."],
    &["How do I,", "return a mattress?"],
    &["Well,", "it stopped working yesterday."],
    &["I need to talk to someone about,", "a refund."],
    &["Hello,", "do you ship to Canada?"],
    &["I bought a phone from you and,", "the screen is broken."],
    &["Is it possible to,", "change the date of my booking?"],
    &["When I try to log in,", "it says my password is wrong."],
    &["I want to return the,", "blue jacket."],
    &["Could you please,", "send me a copy of my invoice?"],
    &["My order has not arrived,", "and it was supposed to be here on Monday."],
    &["Yes,", "I would like to cancel it."],
    &["I was wondering if,", "you are open on Sundays."],
    &["The package was delivered to,", "my neighbour."],
    &["I live in,", "a small town near Boston."],
    &["What is the price of,", "a double room?"],
    &["It's about my,", "account."],
    &["I think that,", "there is a mistake in my bill."],
    &["Please send it to,", "my office."],
    &["I have been waiting for,", "three weeks."],
    &["If I cancel today,", "do I get my money back?"],
    &["I moved to a new flat,", "so I need to change my address."],
    &["When the engineer came,", "nobody was at home."],
    &["I paid by card", "on the second of March."],
    &["The train was late,", "and we missed our connection."],
    &["I spoke to one of your colleagues", "about this yesterday."],
    &["So I opened the box,", "and one of the legs was missing."],
    &["I can come on Monday,", "or on Tuesday after five."],
    &["My daughter's name", "is Emily."],
    &["I am looking for", "a hotel near the station."],
    &["We booked two rooms", "for the first week of August."],
    &["Okay, so,", "what do I have to do now?"],
    &["Do you know if,", "the shop is open today?"],
    &["I have tried to restart it", "but nothing happens."],
    &["It is the black one", "with the leather handles."],
    &["What happens,", "if I cannot come on that day?"],
    &["Hi, this is Peter", "from number seven."],
    &["I got a letter", "that says I owe you money."],
    &["As far as I remember,", "it was in September."],
];

const NUMBERS: &[&[&str]] = &[
    &["My order number is four five six,", "seven eight nine."],
    &["My phone number is five five five,", "one two three,", "four five six seven."],
    &["It's seven one eight,", "four four two,", "nine nine zero one."],
    &["The reference is two zero two,", "six one one."],
    &["Zero seven nine,", "three three one,", "eight two five."],
    &["My account number is one one two,", "three five eight,", "one three."],
    &["My zip code is nine four,", "one zero three."],
    &["Four one one one,", "two two two two,", "three three three three."],
    &["The code is eight eight,", "five one."],
    &["My number is,", "six one seven,", "five five five,", "zero one nine nine."],
    &["Invoice number three four,", "seven two,", "nine one."],
    &["Double five,", "three nine,", "six two."],
    &["Customer number one zero zero,", "four seven."],
    &["Six two five,", "eight one four."],
    &["My mobile is zero one six,", "two four four,", "seven five three."],
    &["It's order five nine three,", "two one."],
    &["Nine one two,", "double four,", "six."],
    &["My booking number is seven seven two,", "zero five."],
    &["The card ends in four nine,", "one three."],
    &["It is plus four four,", "two zero seven,", "nine four six."],
    &["Eight hundred,", "five five five,", "one two one two."],
    &["The meter says one five,", "two eight,", "zero six."],
    &["My pin is three one,", "nine nine."],
    &["Ticket number twenty two,", "sixty one,", "five."],
];

const SPELLINGS: &[&[&str]] = &[
    &["My name is spelled M. I. L,", "L. E. R."],
    &["J. O. H,", "N. S. O. N."],
    &["It's spelled S. M,", "Y. T. H."],
    &["B. A. K,", "E. R."],
    &["My email is john,", "at gmail,", "dot com."],
    &["It is sales,", "at example,", "dot org."],
    &["The postcode is S. W,", "one A,", "two A. A."],
    &["A. B. C,", "four five six."],
    &["H. U. G,", "H. E. S."],
    &["My surname is W. R. I,", "G. H. T."],
    &["It's Q. X,", "seven two,", "P."],
    &["Anna,", "A. double N. A."],
    &["My email is info,", "at bakery,", "dot net."],
    &["K. L. M,", "two zero five."],
    &["That's C. A. R,", "T. E. R."],
    &["The licence plate is B. D,", "five one,", "S. M. R."],
];
