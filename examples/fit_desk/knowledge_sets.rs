//! Questions with the features of their best entry and whether that entry was right, over knowledge of several kinds:
//! a shop with its live users' messages, spoken enquiries, paraphrased web questions, and small assistants cut out of
//! a set of 150 intents, whose other intents cannot be answered.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;
use sha2::{Digest, Sha256};
use switchboard::cli::eval::Share;
use switchboard::domain::time::EpochMs;
use switchboard::support::index::Index;
use switchboard::support::measure::{UNANSWERABLE, entries_of_rows};
use switchboard::support::{Desk, rules, text};

use super::regression::Row;

type Pairs = Vec<(String, String)>;

/// How much each kind counts: the shop is what the product is for, the rest keeps it honest elsewhere.
const SHOP: f32 = 0.5;
const SPOKEN: f32 = 0.2;
const ASSISTANTS: f32 = 0.2;
const PARAPHRASES: f32 = 0.1;

/// All observations of the share that may be fitted on, by kind.
pub fn kinds(desk: &Desk, fixtures: &Path) -> Result<Vec<(&'static str, Vec<Row>)>> {
    let shop = (
        pairs(&fixtures.join("faq_hint3_sofmattress_kb.tsv"))?,
        pairs(&fixtures.join("faq_hint3_sofmattress_queries.tsv"))?,
    );
    Ok(vec![
        ("shop", weighted(observe(desk, &[shop])?, SHOP)),
        ("spoken", weighted(observe(desk, &spoken(fixtures)?)?, SPOKEN)),
        ("assistants", weighted(observe(desk, &assistants(fixtures)?)?, ASSISTANTS)),
        ("paraphrases", weighted(observe(desk, &[paraphrases(fixtures)?])?, PARAPHRASES)),
    ])
}

fn weighted(rows: Vec<Row>, share: f32) -> Vec<Row> {
    let weight = share * 1_000.0 / rows.len().max(1) as f32;
    rows.into_iter().map(|row| Row { weight, ..row }).collect()
}

/// Questions with words of fault are left out: the gate stops them before their confidence counts.
fn observe(desk: &Desk, sets: &[(Pairs, Pairs)]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (knowledge, asked) in sets {
        let index = Index::build(entries_of_rows(knowledge), |text| anyhow::Ok(desk.vector(text)))?;
        for (gold, question) in asked.iter().filter(|(_, question)| Share::Fit.has(question)) {
            let vector = desk.vector(question);
            let found = desk.search(&index, question, vector.as_ref(), EpochMs(0), None);
            let Some(best) = found.hits.first() else { continue };
            if rules::tells_of_fault(&text::words(question)) {
                continue;
            }
            let right = index.entry(best.entry).id == *gold;
            rows.push(Row { x: found.features.as_array().to_vec(), y: usize::from(right), weight: 1.0 });
        }
    }
    Ok(rows)
}

/// Six assistants of 25 intents each; every other one has few examples. As many questions cannot be answered as can.
fn assistants(fixtures: &Path) -> Result<Vec<(Pairs, Pairs)>> {
    let examples = pairs(&fixtures.join("clinc_train_10shot.tsv"))?;
    let questions = pairs(&fixtures.join("oos_clinc_val.tsv"))?;
    let intents: BTreeSet<&String> = examples.iter().map(|(intent, _)| intent).collect();
    let assistant = |number: usize| {
        let mut shuffled: Vec<&String> = intents.iter().copied().collect();
        shuffled.sort_by_key(|intent| draw(number, intent));
        let known: BTreeSet<&String> = shuffled.into_iter().take(25).collect();
        let mut taken: BTreeMap<&String, usize> = BTreeMap::new();
        let examples_max = if number.is_multiple_of(2) { 10 } else { 4 };
        let knowledge = examples.iter().filter(|(intent, _)| {
            let count = taken.entry(intent).or_default();
            *count += 1;
            known.contains(intent) && *count <= examples_max
        });
        let knowledge: Pairs = knowledge.cloned().collect();
        let (mut asked, mut others): (Pairs, Pairs) =
            questions.iter().cloned().partition(|(intent, _)| known.contains(intent));
        others.sort_by_key(|(_, text)| draw(number, text));
        others.truncate(asked.len());
        asked.extend(others.into_iter().map(|(_, text)| (UNANSWERABLE.to_owned(), text)));
        (knowledge, asked)
    };
    Ok((0..6).map(assistant).collect())
}

/// Six of ten questions are known by half of their paraphrases; the others cannot be answered.
fn paraphrases(fixtures: &Path) -> Result<(Pairs, Pairs)> {
    let mut by_question: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (question, paraphrase) in pairs(&fixtures.join("faq_stackfaq_paraphrases.tsv"))? {
        by_question.entry(question).or_default().push(paraphrase);
    }
    let (mut knowledge, mut asked) = (Pairs::new(), Pairs::new());
    for (question, paraphrases) in by_question {
        if draw(0, &question)[0] % 10 >= 6 {
            asked.extend(paraphrases.into_iter().map(|text| (UNANSWERABLE.to_owned(), text)));
            continue;
        }
        let half = paraphrases.len() / 2;
        knowledge.push((question.clone(), question.clone()));
        knowledge.extend(paraphrases[..half].iter().map(|text| (question.clone(), text.clone())));
        asked.extend(paraphrases[half..].iter().map(|text| (question.clone(), text.clone())));
    }
    Ok((knowledge, asked))
}

/// Each enquiry with the knowledge of the business it is about: the one named last before it.
fn spoken(fixtures: &Path) -> Result<Vec<(Pairs, Pairs)>> {
    let businesses: Value = serde_json::from_str(&fs::read_to_string(fixtures.join("faq_dstc10_kb.json"))?)?;
    let dialogues = fs::read_to_string(fixtures.join("faq_dstc10_spoken_dialogues.jsonl"))?;
    let mut sets = Vec::new();
    for line in dialogues.lines() {
        let dialogue: Value = serde_json::from_str(line)?;
        let turns: Vec<&str> =
            dialogue["turns"].as_array().into_iter().flatten().filter_map(|turn| turn["text"].as_str()).collect();
        let Some((question, before)) = turns.split_last() else { continue };
        let gold = &dialogue["gold"];
        let (business, gold) = match (gold["domain"].as_str(), gold["entity_id"].as_str(), gold["doc_id"].as_str()) {
            (Some(domain), Some(entity), Some(doc)) => (Some(&businesses[domain][entity]), doc),
            _ => (named_last(&businesses, &before.join(" ").to_lowercase()), UNANSWERABLE),
        };
        let docs = business.and_then(|business| business["docs"].as_object());
        let knowledge: Pairs = docs
            .into_iter()
            .flatten()
            .filter_map(|(id, doc)| Some((id.clone(), doc["title"].as_str()?.to_owned())))
            .collect();
        if !knowledge.is_empty() {
            sets.push((knowledge, vec![(gold.to_owned(), (*question).to_owned())]));
        }
    }
    Ok(sets)
}

fn named_last<'a>(businesses: &'a Value, said: &str) -> Option<&'a Value> {
    let all = businesses.as_object()?.values().filter_map(Value::as_object).flat_map(|domain| domain.values());
    let place = |business: &Value| said.rfind(&business["name"].as_str()?.to_lowercase());
    all.filter_map(|business| Some((place(business)?, business)))
        .max_by_key(|(at, _)| *at)
        .map(|(_, business)| business)
}

/// A draw that depends on nothing but its number and the text.
fn draw(number: usize, text: &str) -> [u8; 32] {
    Sha256::digest(format!("{number} {text}").as_bytes()).into()
}

/// The first two columns, without the line of titles.
pub fn pairs(file: &Path) -> Result<Pairs> {
    let text = fs::read_to_string(file)?;
    let columns = text.lines().skip(1).filter_map(|line| {
        let mut columns = line.split('\t');
        Some((columns.next()?.trim().to_owned(), columns.next()?.trim().to_owned()))
    });
    Ok(columns.collect())
}
