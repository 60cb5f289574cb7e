//! Whether a text is in the language that the models know (English), by script and by small words (R59).

use super::text;

/// Whether the text is clearly in another language. In doubt it is not: names, places and single words are no language.
pub fn is_foreign(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let latin = text.chars().filter(|c| c.is_alphabetic() && is_latin(*c)).count();
    if letters >= 3 && latin * 2 < letters {
        return true;
    }
    let words = text::words(text);
    let english = words.iter().filter(|word| text::is_function_word(word) || ENGLISH.contains(&word.as_str())).count();
    let foreign = FOREIGN.iter().map(|language| hits(&words, language)).max().unwrap_or(0);
    foreign >= 2 && foreign > english
}

fn hits(words: &[String], language: &[&str]) -> usize {
    words.iter().filter(|word| language.contains(&word.as_str())).count()
}

fn is_latin(c: char) -> bool {
    c.is_ascii() || ('\u{c0}'..='\u{24f}').contains(&c) || ('\u{1e00}'..='\u{1eff}').contains(&c)
}

/// Frequent English words that are not function words of retrieval.
const ENGLISH: &[&str] = &["not", "no", "order", "help", "price", "day", "days", "want", "buy", "time", "up", "out"];

/// Small words, a row a language, without those that English shares.
const FOREIGN: &[&[&str]] = &[
    // German
    &[
        "ich", "und", "der", "das", "ist", "nicht", "mein", "meine", "meinen", "wie", "wo", "ein", "eine", "einen",
        "mit", "für", "auf", "sie", "haben", "kann", "bitte", "wann", "bei", "von", "zu", "es", "hallo", "guten",
        "tag", "möchte", "warum", "noch",
    ],
    // Spanish
    &[
        "el", "la", "los", "las", "que", "qué", "de", "es", "un", "una", "mi", "por", "para", "con", "como", "cómo",
        "cuando", "cuándo", "dónde", "donde", "está", "tengo", "quiero", "puedo", "pedido", "hola", "gracias",
        "cuánto", "su", "se", "y", "necesito",
    ],
    // French
    &[
        "je", "le", "la", "les", "un", "une", "des", "est", "et", "que", "quoi", "pour", "avec", "mon", "ma", "mes",
        "vous", "nous", "comment", "où", "quand", "suis", "ne", "pas", "bonjour", "merci", "votre", "du", "de", "jai",
        "puis", "combien", "veux",
    ],
    // Italian
    &[
        "il", "lo", "la", "gli", "di", "che", "è", "un", "una", "mio", "mia", "per", "con", "come", "quando", "dove",
        "ho", "vorrei", "posso", "sono", "ciao", "grazie", "quanto", "non", "ordine", "e", "del", "della",
    ],
    // Portuguese
    &[
        "o", "os", "as", "que", "de", "é", "um", "uma", "meu", "minha", "para", "com", "como", "quando", "onde",
        "está", "tenho", "quero", "posso", "não", "olá", "obrigado", "obrigada", "quanto", "eu", "e", "do", "da",
        "preciso",
    ],
    // Dutch
    &[
        "ik",
        "het",
        "een",
        "de",
        "niet",
        "mijn",
        "hoe",
        "waar",
        "wanneer",
        "met",
        "voor",
        "kan",
        "u",
        "jullie",
        "graag",
        "hallo",
        "dank",
        "zijn",
        "heb",
        "wil",
        "bestelling",
        "van",
    ],
    // Polish
    &[
        "jest",
        "nie",
        "mam",
        "moje",
        "moja",
        "jak",
        "gdzie",
        "kiedy",
        "czy",
        "proszę",
        "dzień",
        "dobry",
        "chcę",
        "dla",
        "się",
        "na",
        "mój",
        "zamówienie",
    ],
    // Turkish
    &[
        "ben",
        "bir",
        "bu",
        "nasıl",
        "nerede",
        "ne",
        "zaman",
        "için",
        "var",
        "mı",
        "mi",
        "değil",
        "merhaba",
        "siparişim",
        "lütfen",
        "istiyorum",
        "teşekkürler",
    ],
    // Hindi and Urdu in Latin letters
    &[
        "hai", "hain", "kya", "mera", "meri", "mere", "kab", "kaise", "nahi", "nahin", "ka", "ki", "ke", "ko", "se",
        "mujhe", "aap", "kitna", "kitne", "chahiye", "karna", "hoga", "bhi", "liye", "kar", "hy", "rha", "raha", "ho",
        "mai", "mein", "ye", "yeh", "aur", "kaha", "milega",
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    /// R59: text in a language that is not known is held.
    #[test]
    fn other_languages_are_recognised() {
        for text in [
            "Wo ist meine Bestellung, ich habe sie nicht bekommen",
            "¿Dónde está mi pedido?",
            "je veux savoir où est mon colis",
            "где мой заказ",
            "我的订单在哪里",
            "mera order kab tak ayega mujhe nahi mila hai",
        ] {
            assert!(is_foreign(text), "{text}");
        }
    }

    #[test]
    fn english_with_names_errors_and_single_words_is_english() {
        for text in [
            "do you deliver to La Paz",
            "hai not recieved my product",
            "Lucknow?",
            "78x60",
            "what is the menu of Los Pollos Hermanos in San Jose",
            "uh where is my ordder de lamp",
            "I'd like a table at el toro for two please",
        ] {
            assert!(!is_foreign(text), "{text}");
        }
    }
}
