//! Utterances with the sensitive matter they speak of, or none.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::Result;
use switchboard::cli::eval::Share;
use switchboard::domain::turn::RiskTopic;
use switchboard::support::Desk;

use super::knowledge_sets::pairs;
use super::regression::Row;

/// The classes of the head; the first is low risk.
const CLASSES: &[(Option<RiskTopic>, &[&str])] = &[
    (None, &["low_risk"]),
    (Some(RiskTopic::RequestForHuman), &["human_request", "request_for_human"]),
    (Some(RiskTopic::Legal), &["legal"]),
    (Some(RiskTopic::Safety), &["safety", "self_harm", "unsafe"]),
    (Some(RiskTopic::PersonalData), &["personal_data"]),
    (Some(RiskTopic::Refund), &["refund", "cancel"]),
    (Some(RiskTopic::BillingDispute), &["billing", "billing_or_account", "fraud"]),
    (Some(RiskTopic::AccountAccess), &["account"]),
    (Some(RiskTopic::Upset), &["upset"]),
];

/// Intents of the 150 that the labelled file counts among sensitive matters.
const RISKY_INTENTS: &[(&str, &str)] = &[
    ("account_blocked", "account"),
    ("damaged_card", "account"),
    ("freeze_account", "account"),
    ("insurance_change", "account"),
    ("pin_change", "account"),
    ("replacement_card_duration", "account"),
    ("report_lost_card", "account"),
    ("balance", "billing"),
    ("bill_balance", "billing"),
    ("bill_due", "billing"),
    ("card_declined", "billing"),
    ("pay_bill", "billing"),
    ("transactions", "billing"),
    ("transfer", "billing"),
    ("cancel_reservation", "cancel"),
    ("report_fraud", "fraud"),
];

/// Intents that are neither clearly sensitive nor clearly harmless; nothing is learned from them.
const UNCLEAR_INTENTS: &[&str] = &[
    "apr",
    "credit_limit",
    "credit_limit_change",
    "credit_score",
    "direct_deposit",
    "min_payment",
    "new_card",
    "order_checks",
    "interest_rate",
    "spending_history",
    "insurance",
    "cancel",
    "redeem_rewards",
    "rewards_balance",
    "improve_credit_score",
    "rollover_401k",
    "taxes",
    "w2",
    "income",
    "payday",
    "expiration_date",
    "international_fees",
    "travel_notification",
    "lost_luggage",
    "pto_balance",
    "change_user_name",
    "user_name",
    "application_status",
    "make_call",
    "what_is_your_name",
    "OOS",
];

/// Intents of a shop that touch money.
const UNCLEAR_SHOP: &[&str] = &["RETURN_EXCHANGE", "CANCEL_ORDER"];

/// Harmless moves of written conversations.
const HARMLESS_MOVES: &[&str] = &[
    "openinggreeting",
    "thankyou",
    "closinggreeting",
    "getseatinfo",
    "getboardingpass",
    "bookflight",
    "changeseatassignment",
];

/// All observations of the share that may be fitted on, and the topic of each class.
pub fn rows(desk: &Desk, fixtures: &Path) -> Result<(Vec<Row>, Vec<Option<RiskTopic>>)> {
    let mut gathered = Gathered { desk, seen: HashSet::new(), rows: Vec::new() };
    for (label, text) in pairs(&fixtures.join("risk_handoff_utterances.tsv"))? {
        gathered.add(&label, &text, 1.0);
    }
    for file in ["clinc_train_10shot.tsv", "oos_clinc_val.tsv"] {
        for (intent, text) in pairs(&fixtures.join(file))? {
            let risky = RISKY_INTENTS.iter().find(|(name, _)| *name == intent).map(|(_, label)| *label);
            if !UNCLEAR_INTENTS.contains(&intent.as_str()) {
                gathered.add(risky.unwrap_or("low_risk"), &text, 1.0);
            }
        }
    }
    for (intent, text) in pairs(&fixtures.join("faq_hint3_sofmattress_kb.tsv"))? {
        if !UNCLEAR_SHOP.contains(&intent.as_str()) {
            gathered.add("low_risk", &text, 1.0);
        }
    }
    for title in business_questions(fixtures)? {
        gathered.add("low_risk", &title, 0.5);
    }
    let moves = fs::read_to_string(fixtures.join("multidogo_customer_turns.tsv"))?;
    for columns in moves.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>()) {
        if columns.len() >= 5 && HARMLESS_MOVES.contains(&columns[3]) {
            gathered.add("low_risk", columns[4], 0.3);
        }
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fit_desk/own.tsv");
    for (label, text) in pairs(&own)? {
        gathered.add(&label, &text, 0.7);
    }
    Ok((gathered.rows, CLASSES.iter().map(|(topic, _)| *topic).collect()))
}

struct Gathered<'a> {
    desk: &'a Desk,
    seen: HashSet<String>,
    rows: Vec<Row>,
}

impl Gathered<'_> {
    fn add(&mut self, label: &str, text: &str, weight: f32) {
        let class = CLASSES.iter().position(|(_, labels)| labels.contains(&label));
        let (Some(y), true, true) = (class, Share::Fit.has(text), self.seen.insert(text.to_owned())) else { return };
        if let Some(vector) = self.desk.vector(text) {
            self.rows.push(Row { x: vector.to_vec(), y, weight });
        }
    }
}

/// What guests ask hotels, restaurants and sights, without what touches money and accounts.
fn business_questions(fixtures: &Path) -> Result<Vec<String>> {
    let all: serde_json::Value = serde_json::from_str(&fs::read_to_string(fixtures.join("faq_dstc10_kb.json"))?)?;
    let mut titles = Vec::new();
    for business in all.as_object().into_iter().flatten().flat_map(|(_, domain)| domain.as_object()).flatten() {
        for doc in business.1["docs"].as_object().into_iter().flatten() {
            let title = doc.1["title"].as_str().unwrap_or_default();
            let lower = title.to_lowercase();
            if !["cancel", "refund", "account", "password"].iter().any(|word| lower.contains(word)) {
                titles.push(title.to_owned());
            }
        }
    }
    Ok(titles)
}
