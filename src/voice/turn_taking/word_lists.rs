//! The English words and forms that tell how a text ends, each list with the reason why it matters.

/// Sounds of somebody who is thinking and keeps the turn.
pub(super) const FILLERS: &[&str] = &["um", "umm", "uh", "uhh", "uhm", "erm", "er", "eh", "hm", "hmm", "mm", "well"];

/// Conjunctions, articles, possessives and prepositions that no English sentence ends in when it is spoken
/// to a service. "In", "on", "up", "off", "out", "over" are not here: they end "log in", "turn it off".
pub(super) const WANTS_MORE: &[&str] = &[
    "and",
    "or",
    "but",
    "because",
    "so",
    "if",
    "when",
    "while",
    "whether",
    "than",
    "although",
    "unless",
    "until",
    "a",
    "an",
    "the",
    "my",
    "your",
    "our",
    "his",
    "their",
    "its",
    "some",
    "any",
    "every",
    "another",
    "to",
    "of",
    "for",
    "with",
    "at",
    "from",
    "by",
    "into",
    "between",
    "about",
    "without",
    "during",
    "towards",
    "i",
    "we",
    "they",
    "he",
    "she",
    "i'm",
    "we're",
    "it's",
    "that's",
    "i'd",
    "i'll",
    "i've",
    "there's",
    "who's",
    "very",
    "really",
    "quite",
    "just",
    "also",
    "not",
    "rather",
    "mister",
    "mr",
    "mrs",
    "ms",
    "doctor",
    "dr",
    "which",
    "whose",
    "where",
    "how",
    "what",
    "please can",
    "double",
    "triple",
];

/// Verbs that lean on a word after them, unless a pronoun before makes them an answer ("I do").
pub(super) const AUXILIARIES: &[&str] = &[
    "is", "are", "was", "were", "am", "be", "been", "have", "has", "had", "do", "does", "did", "will", "would", "can",
    "could", "should", "might", "must", "can't", "don't", "didn't", "won't", "isn't", "doesn't", "wasn't",
];

/// What stands before "end" where it is no "and".
pub(super) const BEFORE_END: &[&str] =
    &["the", "an", "this", "that", "to", "will", "must", "should", "not", "week", "month", "year", "dead", "no"];

/// Verbs whose "in" or "on" ends a sentence: "I cannot log in".
pub(super) const PARTICLE_VERBS: &[&str] = &[
    "log", "sign", "check", "come", "get", "fill", "move", "call", "turn", "it", "go", "going", "hold", "put",
    "logged", "signed", "checked", "that", "them", "logging", "signing", "checking",
];

/// First words of a clause that a second one follows.
pub(super) const SUBORDINATORS: &[&str] =
    &["if", "because", "since", "although", "unless", "while", "whenever", "before", "after"];

pub(super) const SUBJECTS: &[&str] = &["i", "you", "it", "we", "they", "he", "she", "that", "this", "there", "not"];

/// Statements do not end in these; questions do ("what do you need").
pub(super) const OBJECTLESS_VERBS: &[&str] =
    &["want", "wanted", "need", "needed", "wondering", "asking", "trying", "going"];

/// Beginnings that need an object or a clause.
pub(super) const UNFINISHED_FORMS: &[&str] = &[
    "are you open on",
    "can you tell me",
    "could you tell me",
    "can you please",
    "could you please",
    "can you",
    "could you",
    "i would like",
    "i'd like",
    "do you know",
    "i was wondering if",
    "tell me",
    "let me",
    "let's see",
    "let me see",
    "hold on",
    "one second",
    "just a second",
    "wait a minute",
    "do you have",
    "is it",
    "is there",
    "are there",
    "i think that",
    "as far as i know",
    "as far as i remember",
    "as far as i can tell",
    "the thing is",
    "the problem is",
];

/// Statements do not end in these; questions do ("how much").
pub(super) const OPEN_QUANTITIES: &[&str] = &["how much", "how many", "how long"];

/// First words of a story's next part.
pub(super) const STORY_WORDS: &[&str] = &["so", "and", "then", "because", "but"];

/// Somebody who wants something has said what: more seldom follows than after what happened to them.
pub(super) const WISHES: &[&str] = &[
    "i want",
    "i need",
    "i would like",
    "i'd like",
    "we want",
    "we need",
    "we would like",
    "we'd like",
    "i would rather",
    "i'd rather",
    "i wish",
    "i'm calling about",
    "i am calling about",
    "i'm looking for",
    "i am looking for",
    "please",
    "cancel",
    "speak to",
    "talk to",
    "let me know",
];

/// Whole as grammar, but the matter is still to come.
pub(super) const OPENINGS: &[&str] = &[
    "i have a question",
    "i've got a question",
    "i have a problem",
    "i've got a problem",
    "i need help",
    "i need some help",
    "can you help me",
    "could you help me",
    "i hope you can help me",
    "quick question",
    "excuse me",
    "how are you",
    "how are you doing",
    "my name is",
    "i'm calling",
];

pub(super) const GREETINGS: &[&str] = &["hi", "hello", "hey", "hiya", "morning", "afternoon", "evening"];

/// After these people hang up or wait.
pub(super) const FAREWELLS: &[&str] = &[
    "goodbye",
    "bye",
    "bye bye",
    "thank you",
    "thanks",
    "thank you very much",
    "thanks a lot",
    "that's all",
    "that's it",
    "that is all",
    "nothing else",
    "no thanks",
    "no thank you",
    "have a nice day",
    "never mind",
];

/// First words of short answers.
pub(super) const REPLIES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "no",
    "nope",
    "okay",
    "ok",
    "sure",
    "correct",
    "right",
    "exactly",
    "fine",
    "great",
    "perfect",
    "absolutely",
    "definitely",
    "please",
    "maybe",
    "stop",
    "repeat",
    "again",
    "slower",
    "pardon",
    "sorry",
];

/// Of those, the ones that are neither yes nor no.
pub(super) const NO_ANSWERS: &[&str] = &["please", "maybe", "stop", "repeat", "again", "slower", "pardon", "sorry"];

/// Before a question word they change nothing.
pub(super) const BEFORE_QUESTIONS: &[&str] = &[
    "hi",
    "hello",
    "hey",
    "yes",
    "yeah",
    "okay",
    "ok",
    "um",
    "uh",
    "so",
    "and",
    "but",
    "well",
    "oh",
    "then",
    "please",
    "no",
    "also",
    "good",
    "morning",
    "afternoon",
    "evening",
    "there",
    "right",
];

pub(super) const QUESTION_WORDS: &[&str] = &[
    "what", "what's", "when", "when's", "where", "where's", "who", "who's", "which", "why", "how", "how's", "do",
    "does", "did", "is", "are", "was", "were", "can", "could", "will", "would", "should", "may", "have", "has",
    "isn't", "aren't", "don't", "doesn't", "can't", "whose",
];

pub(super) const UNITS: &[&str] =
    &["zero", "oh", "o", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "niner", "nought"];
/// After a digit these are digits too: five, two, four, eight, one.
pub(super) const MISHEARD_DIGITS: &[&str] = &["bye", "to", "too", "for", "ate", "won"];
pub(super) const TEENS: &[&str] =
    &["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"];
pub(super) const TENS: &[&str] = &["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// Between the parts of something read out; at the end they announce the next part.
pub(super) const RUN_JOINTS: &[&str] =
    &["double", "triple", "hundred", "thousand", "dash", "hyphen", "slash", "plus", "capital", "letter"];

/// Where a number is about to be read out.
pub(super) const NUMBER_WORDS: &[&str] = &[
    "number",
    "code",
    "phone",
    "telephone",
    "mobile",
    "cell",
    "zip",
    "postcode",
    "postal",
    "account",
    "order",
    "reference",
    "invoice",
    "ticket",
    "card",
    "pin",
    "extension",
    "customer",
    "booking",
    "confirmation",
];

pub(super) const MAIL_WORDS: &[&str] = &["email", "e", "mail", "gmail", "hotmail", "outlook", "yahoo", "icloud"];

/// Ends of internet addresses.
pub(super) const DOMAIN_ENDS: &[&str] =
    &["com", "org", "net", "edu", "gov", "uk", "de", "io", "co", "info", "eu", "us", "ca", "au"];
