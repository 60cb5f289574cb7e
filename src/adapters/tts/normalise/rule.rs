//! How a rule rewrites text: every match, with a look at what stands around it.

use regex::{Captures, Regex};

/// What stands left and right of a match.
pub struct Around<'a> {
    /// All before it, as written.
    pub left: &'a str,
    /// All after it, as written.
    pub right: &'a str,
}

impl Around<'_> {
    /// The character just before.
    pub fn before(&self) -> Option<char> {
        self.left.chars().next_back()
    }

    /// The character just after.
    pub fn after(&self) -> Option<char> {
        self.right.chars().next()
    }

    /// The last words before the match, in lower case, at most `count` of them.
    pub fn words_before(&self, count: usize) -> Vec<String> {
        let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        self.left.split_whitespace().rev().take(count).map(bare).collect()
    }

    /// Whether the text ends here, or a new sentence begins.
    pub fn ends_sentence(&self) -> bool {
        let rest = self.right.trim_start();
        rest.is_empty() || (rest.len() < self.right.len() && rest.starts_with(char::is_uppercase))
    }
}

/// Replaces each match by what `say` makes of it; `None` leaves it as it stands. Words are kept apart.
pub fn rewrite(text: String, rule: &Regex, say: impl Fn(&Captures<'_>, &Around<'_>) -> Option<String>) -> String {
    let mut out = String::new();
    let mut done = 0;
    for captures in rule.captures_iter(&text) {
        let Some(whole) = captures.get(0) else { continue };
        let around = Around { left: &text[..whole.start()], right: &text[whole.end()..] };
        let Some(said) = say(&captures, &around) else { continue };
        out.push_str(&text[done..whole.start()]);
        if said.starts_with(char::is_alphanumeric)
            && out.ends_with(|c: char| c.is_alphanumeric() || ".,;:!?".contains(c))
        {
            out.push(' ');
        }
        out.push_str(&said);
        if said.ends_with(char::is_alphanumeric) && around.after().is_some_and(char::is_alphanumeric) {
            out.push(' ');
        }
        done = whole.end();
    }
    if done == 0 {
        return text;
    }
    out.push_str(&text[done..]);
    out
}

/// Defines a rule's regular expression, compiled at first use.
macro_rules! rule {
    ($name:ident, $pattern:expr) => {
        static $name: std::sync::LazyLock<regex::Regex> =
            std::sync::LazyLock::new(|| regex::Regex::new($pattern).expect("a tested pattern compiles"));
    };
}
pub(super) use rule;
