//! What must not be answered automatically, as tables of word patterns with a reason each (R18, R26).
//!
//! The tables are broad on purpose: a false hold costs a person a glance, a false answer costs a customer. The linear
//! head in [`super::risk_head`] finds what is said in other words.

use crate::domain::turn::RiskTopic;

use super::pattern;

/// A word pattern that makes a text a matter for a person.
pub struct Rule {
    /// The matter.
    pub topic: RiskTopic,
    /// See [`super::pattern`].
    pub pattern: &'static str,
    /// Why such words want a person, as shown to teammates.
    pub why: &'static str,
}

/// The first rule, in gate order, that a text meets.
pub fn first(words: &[String]) -> Option<&'static Rule> {
    TABLES.iter().flat_map(|table| table.iter()).find(|rule| pattern::matches(rule.pattern, words))
}

/// The first rule of one of these topics that a text meets.
pub fn first_of(words: &[String], topics: &[RiskTopic]) -> Option<&'static Rule> {
    TABLES
        .iter()
        .flat_map(|table| table.iter())
        .find(|rule| topics.contains(&rule.topic) && pattern::matches(rule.pattern, words))
}

/// The tables in gate order.
const TABLES: &[&[Rule]] =
    &[SELF_HARM, REQUEST_FOR_HUMAN, LEGAL, SAFETY, ABUSE, PERSONAL_DATA, REFUND, BILLING, ACCOUNT, UPSET];

macro_rules! rules {
    ($name:ident, $topic:ident, $($why:literal: [$($pattern:literal),+ $(,)?]),+ $(,)?) => {
        const $name: &[Rule] = &[$($(Rule { topic: RiskTopic::$topic, pattern: $pattern, why: $why }),+),+];
    };
}

rules!(SELF_HARM, SelfHarm,
    "The words tell of suicide": [
        "suicid*", "kill|killing|hang|hanging|shoot|shooting|drown|poison myself", "end|ending|take|taking my ..1 life",
        "want|wanna|going|gonna|wish ..3 die", "dont|not|cant ..2 want|wanna to live|exist|wake", "dont|not want|wanna to be alive|here anymore",
        "want|wanted to not be alive", "better off dead", "worth ..2 being alive", "worth living", "reason to live",
        "no reason ..3 live|living|alive", "cant go on anymore|living", "jump off ..2 bridge|roof|building|balcony",
        "painless ..3 die|death", "ways to die", "wish i was|were dead", "wish i had never been born", "dont want to exist",
    ],
    "The words tell of self-harm": [
        "self harm*", "selfharm*", "harm|harming|hurt|hurting|cut|cutting|burn|burning|starve|starving myself",
        "slit ..2 wrist*", "cut ..2 wrist*", "overdos*", "over dose", "how many ..3 pills|tablets|drugs ..3 die|kill|lethal",
    ],
    "The words tell of an eating disorder": [
        "anorexi*", "bulimi*", "pro ana|mia", "thinspo*", "starve to|so ..4 thin|skinny|weight", "purge|purging ..3 eat*|meal*|food",
        "skinny ..6 ribcage|ribs|hipbones|bones", "throw up ..3 eat*|meal*|food", "stop eating ..3 skinny|thin|weight",
    ],
);

rules!(REQUEST_FOR_HUMAN, RequestForHuman,
    "A person is asked for": [
        "speak|speaking|talk|talking|took|chat|chatting|spoke|connect|connected|transfer|transferred|put|forward|pass|hand|reach|get|give|gimme|contact|want|wanna|need|have|find|see|escalate|bring|help|prefer|call ..6 human|humans|person|representative*|rep|operator|receptionist|supervisor|manager|advisor|adviser|associate|humanbeing",
        "speak|speaking|talk|talking|took|chat|chatting|connect|transfer|put|forward|pass|reach|get|give|gimme|want|need|escalate|bring ..4 agent|agents|someone|somebody|team|staff|employee|specialist|attendant|consultant|technician|expert",
        "real|live|actual|proper|human|living ..1 person|human|agent|representative|people|being|operator|support|rep|assistance|help|someone",
        "^ human|person|agent|operator|representative|supervisor|manager ..1 please|now ", "^ ..1 human|agent|operator|representative|receptionist $",
        "human|agent|operator|representative|person please|now", "talk|speak|chat|speaking|talking to|with a|an human|person|agent|someone|somebody|anyone",
        "customer service|support|care|services ..1 representative|agent|rep|number|person|please", "speak|talk|connect|transfer ..4 customer|support|service|care|sales|department|helpdesk",
        "anyone|anybody|someone|somebody|person|people there", "is there|any anybody|anyone|somebody|someone ..4 talk|speak|help|answer|call",
        "call|ring|phone me", "callback", "call back", "give me a call|ring", "someone|somebody|person|executive|agent ..3 call|contact|phone|answer", "someone|somebody to help",
        "someone|somebody else|smarter|better|who", "escalat*", "hand|pass ..4 over to", "out of hours person",
    ],
    "The customer does not want a machine": [
        "dont|not|no|stop|hate|tired|sick ..6 bot|robot|machine|computer|chatbot|ai|automated", "bot|robot|machine|chatbot ..3 stupid|useless|dumb|rubbish|annoying",
        "stupid|useless|dumb|fucking bot|robot|machine|chatbot", "youre not ..1 human", "you are not ..1 human", "nobody is helping", "not a bot|robot|machine",
    ],
    "It is said to be urgent": [
        "^ ..3 urgent|urgently|emergency ..2 $", "really|very|so|extremely important|urgent", "its|this is|it is ..1 urgent|urgently|important", "need ..3 urgently|urgent",
    ],
);

rules!(LEGAL, Legal,
    "Lawyers or courts are mentioned": [
        "lawyer*", "attorney*", "solicitor*", "sue|suing|sued", "lawsuit*", "law suit", "litigat*", "legal|legally", "court", "small claims",
        "class action", "tribunal", "ombudsman", "consumer court|forum|protection|rights", "liable|liability", "illegal*", "against the law", "breach of contract",
        "trading standards", "regulator*", "press charges", "police", "negligen*", "compensation|damages", "better business bureau", "gdpr", "subpoena",
    ],
);

rules!(SAFETY, Safety,
    "Danger to health or property": [
        "fire|smoke|smoking|burning|sparks|sparking|flames|exploded|explode|explodes|explosion", "electric* ..1 shock|shocked", "gas leak", "smell ..3 gas|burning",
        "poison*", "toxic", "injur*", "bleeding", "allergic|allergy reaction", "hospital", "ambulance", "emergency", "overheat*", "caught fire", "carbon monoxide",
        "choke|choking|choked", "got|been|was|is hurt", "hurt|burned|burnt|cut ..2 me|my|child|baby|son|daughter|dog", "recall|recalled", "safety", "dangerous", "unsafe", "hazard*", "unconscious", "cant breathe",
    ],
    "Violence or weapons": [
        "kill|killing|murder|murdering|assault*|stab|stabbing|strangle|shoot|shooting|kidnap*|torture|rape|raping|beat|attack|attacking ..2 someone|somebody|him|her|them|you|people|person|man|woman|teacher|boss|wife|husband|girlfriend|boyfriend|neighbor|neighbour|child|kid|a|my",
        "murder*", "assassin*", "bomb*", "explosive*", "grenade*", "molotov", "weapon*", "gun|guns|firearm*|rifle|pistol|ammunition|silencer", "terroris*", "hitman", "mass shooting",
        "cut|tamper|disable|sabotage ..4 brakes|breaks", "stab|stabbing", "knife ..4 someone|attack", "assault*", "torture*", "kidnap*", "rape|raped|rapist", "acid attack",
    ],
    "Drugs or contraband": [
        "meth|cocaine|heroin|mdma|ecstasy|fentanyl|lsd|crack|methamphetamine|ketamine|opioids|oxycontin|xanax|steroids|marijuana|cannabis|weed", "drug dealer*|dealing", "buy|sell|get|cook|make|smuggle|hide ..3 drugs",
        "smuggl*", "counterfeit*", "stolen|stole", "black market", "dark web", "traffick*", "fake id|ids|passport*|documents|license", "pirat*", "cover ..3 tracks",
    ],
    "Fraud, scams or break-ins": [
        "scam|scams|scammer|scamming", "phish*", "ponzi", "pyramid scheme", "launder*", "identity theft", "steal|stealing", "hack|hacks|hacking", "break|breaking into", "malware|ransomware|keylogger|spyware|virus", "ddos",
        "evade|evading|evasion tax*", "hide ..4 income|money|taxes|assets", "blackmail*", "extort*", "bribe*", "forge|forging|forged", "fake ..3 call|calls|reviews|job|business|charity|profile|website|store|shop|invoice", "crack|bypass|guess ..3 password|security", "manipulate ..4 into",
        "shoplift*", "embezzl*", "insider trading", "credit card numbers", "download ..4 illegally|pirated",
    ],
    "Sexual matters or children in danger": [
        "sex|sexual|sexually|porn*|nude*|naked|erotic|masturbat*|genital*|penis|vagina|dick|blowjob|orgasm|prostitut*|escort", "underage", "child|children|minor|minors|kid|kids|teen|teenager ..4 sex*|naked|nude*|abuse|abused|abusing|seduce|romantic|genital*|grooming",
        "groom|grooming ..3 child*|kid*|minor*|teen*", "molest*", "pedophil*|paedophil*|pedo", "romantic|sexual|intimate ..8 child|minor|teen|underage", "incest", "bestiality", "lolita",
    ],
);

rules!(ABUSE, Abuse,
    "The words are insulting or threatening": [
        "fuck*", "shit*|bullshit", "bitch*", "asshole*|arsehole*", "bastard*", "cunt*", "idiot*|moron*|retard*", "dickhead*", "wanker*", "piss|pissed off", "screw you", "shut up", "go to hell", "find you|ill|i will ..3 hurt you",
        "you ..2 stupid|dumb|useless|pathetic", "crooks|thieves|scammers|liars|cheats|frauds|fraudsters|criminals", "n1gger|nigger*|faggot*", "racist|sexist",
    ],
);

rules!(PERSONAL_DATA, PersonalData,
    "Personal data is concerned": [
        "delete|erase|remove|export|download|access|see ..4 data|information|details|records", "personal ..1 data|details|information|info", "my data", "data protection|breach|privacy|leak", "privacy", "what ..4 know about me", "social security", "passport number", "ssn", "identity document*",
        "another|other|someone ..2 customer*|persons|elses|else ..3 order|address|account|data|details|number|phone", "share|sell|sold ..2 my ..2 data|information|details|number|email",
    ],
    "Somebody tries to read what is not for customers": [
        "ignore|disregard|forget ..4 instructions|rules|prompt|guidelines|previous|above", "system|hidden|internal prompt|instructions|guidance|notes|rules|message", "reveal|show|print|repeat ..4 prompt|instructions|guidance|guidelines|internal", "developer|admin|debug|god mode", "you are now", "pretend|act as|like ..3 not|no|admin|developer|employee", "jailbreak*",
    ],
);

rules!(REFUND, Refund,
    "Money back is asked for": [
        "refund*", "reimburs*", "money back", "get|want|give|return|send ..4 my money", "chargeback*", "charge back", "cash back", "store credit", "credited back", "moneyback",
    ],
    "Something is to be cancelled": [
        "cancel*", "call off ..4 order|reservation|booking", "revoke|undo|scratch|scrap|drop|nix|forget|eliminate|remove|delete|stop ..3 order|reservation*|reservations|booking|subscription|purchase|dinner|table", "terminat*", "unsubscribe", "back out",
    ],
);

rules!(BILLING, BillingDispute,
    "A charge or bill is disputed": [
        "charged|charging|billed|debited|deducted|withdrawn|overcharg*", "charge|charges|fee|fees ..5 my|wrong|extra|unknown|why|unexpected|twice|double|statement|this|was|there", "why|extra|wrong|unknown|double|unexpected|dispute|hidden|additional|strange|pending|duplicate ..4 charge|charges|fee|fees|payment|payments|transaction|transactions|debit",
        "dispute|disputing|disputed", "billing", "my ..2 bill|bills|invoice|statement", "bill|invoice ..3 wrong|incorrect|mistake|high|error", "paid|pay|charged twice|double", "payment ..4 failed|fail|declined|rejected|stuck|missing|pending|bounced|deducted|not|twice|disappeared|wrong", "payment ..2 problem|issue|trouble",
        "didnt|did|not|never|dont|havent ..3 authorize|authorise|authorized|authorised|recognize|recognise|approve|make ..4 charge|payment|transaction|purchase|withdrawal|debit|it", "unauthorized|unauthorised", "fraud*", "direct debit", "price ..3 wrong|charged",
    ],
    "Money or an account balance is concerned": [
        "bank|banking", "balance|balances", "transaction|transactions", "transfer|transferred|transferring ..5 money|funds|dollars|cash|account|savings|checking|bank|from|to", "money|funds|cash ..4 transfer|transferred|account|missing|arrived|received|withdraw|withdrawn|gone",
        "withdraw|withdrawal|withdrawals|withdrawing", "top|topping up|ups|upped", "topup|topups", "overdraft", "debt", "loan|loans", "mortgage", "credit|debit card|cards", "atm|atms", "cash machine", "bill|bills ..3 due|pay|owe|owed|balance|total|amount", "pay|paying|settle ..4 bill|bills|invoice", "due|minimum ..3 payment|bill|bills", "savings|checking account",
        "account ..3 number|statement", "exchange fee|fees", "currency|currencies ..4 account|support|hold|fee|charge", "my ..2 funds", "source of funds", "swift|iban", "deposit|deposits|deposited", "wire",
    ],
);

rules!(ACCOUNT, AccountAccess,
    "Access to an account is concerned": [
        "password*|passcode*|passphrase|passwort", "pin|pins|pincode ..6 forgot*|forgotten|change|reset|wrong|blocked|lost|new|number|unblock|remember", "forgot*|change|reset|lost|new|blocked|unblock|my|the ..3 pin|pincode number|blocked|code", "my ..2 pin|pins", "change|reset|set|update|forgot|forgotten ..3 pin",
        "log|sign|logging|signing in|into|on", "login|signin|logon", "locked out", "my ..2 account*", "our|an|the ..1 account", "account ..6 blocked|locked|hacked|suspended|frozen|closed|disabled|hold|compromised|deactivated|freeze|block|close|delete|open|activate|limit", "hacked", "compromised", "stolen|lost|missing ..4 card|phone|wallet|account|id|passport",
        "card|wallet|phone ..5 lost|stolen|missing|taken|swallowed|gone|damaged|broken|compromised|retained", "lost|lose|losing|misplaced|damaged ..3 card|phone|wallet", "freeze|unfreeze|block|unblock|deactivate|reactivate ..4 account|card|bank", "two factor|step", "2fa|otp", "verification code", "security question*|code", "verif* ..5 identity|account|id|me|myself|card|funds|top", "identity",
    ],
    "An account is to be changed": [
        "change|update|edit|modify|correct|switch|add ..4 address|email|phone|name|details|profile|number|account|card|payment|plan|subscription|insurance|policy|surname", "close|delete|deactivate|open|create|transfer ..3 account|profile|membership|subscription", "new|replacement|spare|second|extra|physical|virtual|disposable|another|replace ..2 card|cards", "card|cards ..6 expire|expires|expired|expiring|arrive|arrived|activate|activated|declined|working|work|link|linked|deliver|delivered|delivery|replacement|replaced|scratched|bent|cracked|snapped|melted|damaged|chip|strip|order|ordered|get|receive|received|mail|mailed",
        "activate ..3 card|account|it", "my ..2 card|cards", "your ..2 card|cards", "insurance ..5 change|changes|changed|switch|update|modify|different|plan|policy|coverage", "change|switch|update|modify ..4 insurance", "beneficiar*", "apple|google pay", "contactless", "age limit", "how old ..6 account|open|join|use",
    ],
);

rules!(UPSET, Upset,
    "The customer is upset": [
        "angry|furious|frustrat*|disgust*|disappoint*|upset|outrag*|appalled|annoyed|annoying|unacceptable|ridiculous|terrible|horrible|awful|pathetic|worst|disgrace*|ripped|ripoff|unhappy|dissatisf*", "fed up", "sick of", "tired of", "had enough", "waste of time|money", "never ..3 again", "complain*|complaint*", "rip off", "not ..2 happy|satisfied|acceptable|impressed", "third|fourth|fifth|tenth|several|many|hundredth|last time|times ..4 ask*|call*|contact*|email*|told|tell*|told", "keep|keeps ..2 waiting|ignoring|telling", "still ..3 waiting|nothing|no|hasnt|havent", "how many times", "nobody|noone ..3 helps|help|helping|answers|cares|replies|responds", "bad|poor|lousy|shitty|rude ..1 service|support|experience|staff|quality", "cheated|lied|lying|fooled|misled", "let me down", "again and again", "joke",
    ],
);

/// Whether the words tell of something that failed or is not so, which a how-to does not answer.
pub fn tells_of_fault(words: &[String]) -> bool {
    FAULTS.iter().any(|pattern| pattern::matches(pattern, words))
}

/// Words of fault and negation. Polite or idiomatic negations ("why not", "no problem") are not among them.
const FAULTS: &[&str] = &[
    "cant|cannot|couldnt|unable|wont|doesnt|didnt|isnt|arent|wasnt|havent|hasnt|hadnt|wouldnt|shouldnt",
    "not working|able|showing|received|recieved|arrived|delivered|available|possible|getting|loading|opening|accepting|deliverable|correct|right|happening|responding|there|yet|found|been|come|get|got|reached|credited|updated|visible|sure",
    "do|does|did|is|are|was|were|will|can|could|has|have|am not",
    "dont work|see|get|have|receive",
    "stopped|stops working",
    "no longer",
    "fail*",
    "error*",
    "broke|broken|breaks",
    "crash*",
    "stuck",
    "problem*",
    "issue|issues",
    "trouble",
    "missing",
    "wrong|incorrect|defective|defect|faulty|damaged|torn|ripped|leaking",
    "never arrived|came|received|got|worked|delivered",
    "nothing happens|happened|works",
    "keeps failing|crashing|asking|saying",
    "invalid|rejected|declined|refused|denied",
    "late|delayed|overdue|delay",
    "without",
    "lost",
    "unfortunately",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::text::words;

    fn topic(text: &str) -> Option<RiskTopic> {
        first(&words(text)).map(|rule| rule.topic)
    }

    /// R18: sensitive matters are recognised in plain words.
    #[test]
    fn sensitive_matters_are_recognised_by_their_words() {
        for (text, expected) in [
            ("I don't want to live anymore", RiskTopic::SelfHarm),
            ("uh can i speak to a real person please", RiskTopic::RequestForHuman),
            ("my lawyer will write to you", RiskTopic::Legal),
            ("the lamp started to smoke and caught fire", RiskTopic::Safety),
            ("I want my money back", RiskTopic::Refund),
            ("I was charged twice", RiskTopic::BillingDispute),
            ("I forgot my password", RiskTopic::AccountAccess),
            ("delete all my personal data", RiskTopic::PersonalData),
            ("you are all fucking idiots", RiskTopic::Abuse),
            ("this is ridiculous, I am so disappointed", RiskTopic::Upset),
        ] {
            assert_eq!(topic(text), Some(expected), "{text}");
        }
    }

    /// R18: self-harm precedes everything, a request for a person precedes the rest.
    #[test]
    fn the_first_matter_in_gate_order_wins() {
        assert_eq!(topic("let me talk to a human or I will kill myself"), Some(RiskTopic::SelfHarm));
        assert_eq!(topic("my lawyer wants to speak to a manager about the refund"), Some(RiskTopic::RequestForHuman));
    }

    #[test]
    fn ordinary_questions_meet_no_rule() {
        for text in [
            "what are your opening hours",
            "do you ship to Canada",
            "how long does delivery take",
            "is the mattress good for back pain",
            "thank you goodbye",
            "which sizes do you have",
            "can i visit your store in Leeds",
            "do you have gift cards",
        ] {
            assert_eq!(topic(text), None, "{text}");
        }
    }

    #[test]
    fn faults_and_negations_are_told_from_questions_how() {
        assert!(tells_of_fault(&words("I can't join the meeting")));
        assert!(tells_of_fault(&words("my order has not arrived")));
        assert!(!tells_of_fault(&words("how do I join the meeting")));
    }
}
