//! The sections of a dialplan file.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::page::{At, Fields, Page, Span, text};
use crate::domain::dialplan::matching::{HeaderTest, HeaderValue, PATTERNS};
use crate::domain::dialplan::plan::{Emergency, Named, NamedAction, NamedHours};
use crate::domain::dialplan::{ActionRef, Pattern, Plan, Route};
use crate::domain::schedule::ScheduleText;

use super::actions;

/// Reads a whole file into the plan; what is wrong stays on the page.
pub fn read(page: &mut Page, root: &Spanned<DeTable<'_>>, home_country: Option<&str>, plan: &mut Plan) {
    let known = ["home_country", "hours", "block", "emergency", "route", "action"];
    let root = Fields::of(page, "a dialplan", root.get_ref(), root.span(), &known);
    let own_country = root.text(page, "home_country");
    if let Some(own) = own_country.as_ref().filter(|own| !is_country(&own.value)) {
        page.wrong(&own.span, format!("{:?} is no country", own.value), "write an ISO 3166 code such as \"DE\"");
    }
    let home = own_country.map(|own| own.value);
    plan.home_country = plan.home_country.take().or_else(|| home.clone());
    let home = home.as_deref().or(home_country);
    hours(page, &root, plan);
    block(page, &root, home, plan);
    emergency(page, &root, plan);
    for section in root.tables(page, "route") {
        if plan.routes.len() >= ROUTES_MAX {
            page.wrong(&section.span, "there are too many routes", format!("at most {ROUTES_MAX} are read"));
            break;
        }
        route(page, section, home, plan);
    }
    if let Some(section) = root.table(page, "action") {
        for (name, span, value) in names(page, &section, "[action]") {
            let Some(written) = super::page::table(page, &format!("action.{name}"), value) else { continue };
            let place = page.place(&span);
            if let Some(before) = plan.actions.get(name) {
                let what = format!("the action {name:?} is there already, in {}", before.place);
                page.wrong(&span, what, "give each action a name of its own");
                continue;
            }
            if let Some(action) = actions::read(page, name, written) {
                plan.actions.insert(name.to_owned(), NamedAction { place, action });
            }
        }
    }
}

/// The named tables within a section; names that cannot be mentioned are told.
fn names<'t>(
    page: &mut Page,
    section: &At<&'t DeTable<'t>>,
    what: &str,
) -> Vec<(&'t str, Span, &'t Spanned<DeValue<'t>>)> {
    let mut named = Vec::new();
    for (key, value) in section.value.iter() {
        let name = key.get_ref().as_ref();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(plain) {
            let allowed = format!("use up to {NAME_MAX} letters, digits, - and _");
            page.wrong(&key.span(), format!("{name:?} is no name in {what}"), allowed);
            continue;
        }
        if named.len() >= NAMES_MAX {
            page.wrong(&key.span(), format!("{what} is too long"), format!("at most {NAMES_MAX} are read"));
            break;
        }
        named.push((name, key.span(), value));
    }
    named
}

fn hours(page: &mut Page, root: &Fields<'_>, plan: &mut Plan) {
    let Some(section) = root.table(page, "hours") else { return };
    for (name, name_span, value) in names(page, &section, "[hours]") {
        let what = format!("[hours.{name}]");
        let Some(At { value: table, span }) = super::page::table(page, &format!("hours.{name}"), value) else {
            continue;
        };
        let fields = Fields::of(page, &what, table, span, &["time_zone", "hours", "closed", "open"]);
        let Some(zone) = fields.needed(page, "time_zone", "\"Europe/Berlin\"") else { continue };
        // Each line is tried by itself, so that the one that is wrong is the one that is told.
        let mut good = true;
        let zone_span = zone.span.clone();
        let mut text = ScheduleText { time_zone: zone.value, ..ScheduleText::default() };
        good &= fits(page, &text, &zone_span);
        let lines = |page: &mut Page, key: &str, good: &mut bool| {
            let mut kept = Vec::new();
            for line in fields.texts(page, key) {
                let mut alone = ScheduleText { time_zone: "UTC".into(), ..ScheduleText::default() };
                match key {
                    "hours" => alone.hours.push(line.value.clone()),
                    "closed" => alone.closed.push(line.value.clone()),
                    _ => alone.open.push(line.value.clone()),
                }
                *good &= fits(page, &alone, &line.span);
                kept.push(line.value);
            }
            kept
        };
        text.hours = lines(page, "hours", &mut good);
        text.closed = lines(page, "closed", &mut good);
        text.open = lines(page, "open", &mut good);
        let place = page.place(&name_span);
        if let Some(before) = plan.hours.get(name) {
            let what = format!("the hours {name:?} are there already, in {}", before.place);
            page.wrong(&name_span, what, "give them another name, or take one out");
            continue;
        }
        if good
            && fits(page, &text, &name_span)
            && let Ok(schedule) = text.try_into()
        {
            plan.hours.insert(name.to_owned(), NamedHours { place, schedule });
        }
    }
}

/// Whether these times can be read; what cannot is told. The error says what is wrong and, after `;`, what is allowed.
fn fits(page: &mut Page, text: &ScheduleText, span: &Span) -> bool {
    let Err(error) = crate::domain::schedule::Schedule::try_from(text.clone()) else { return true };
    let told = error.to_string();
    let (what, allowed) = told.split_once("; ").unwrap_or((&told, "write fewer lines"));
    page.wrong(span, what, allowed);
    false
}

fn block(page: &mut Page, root: &Fields<'_>, home: Option<&str>, plan: &mut Plan) {
    let Some(section) = root.table(page, "block") else { return };
    let fields = Fields::of(page, "[block]", section.value, section.span, &["callers", "code", "reason"]);
    plan.block.callers.extend(patterns(page, &fields, "callers", home));
    if let Some(code) = fields.whole(page, "code", actions::REFUSALS) {
        plan.block.code = code;
        plan.block.reason = String::new();
    }
    if let Some(reason) = fields.text(page, "reason") {
        plan.block.reason = actions::reason(page, reason);
    }
}

fn emergency(page: &mut Page, root: &Fields<'_>, plan: &mut Plan) {
    let Some(section) = root.table(page, "emergency") else { return };
    let span = section.span.clone();
    let fields = Fields::of(page, "[emergency]", section.value, section.span, &["numbers", "say"]);
    if plan.emergency != Emergency::default() {
        page.wrong(&span, "[emergency] is there already, in another file", "write it in one file only");
    }
    for number in fields.texts(page, "numbers") {
        let digits = number.value.trim().to_owned();
        if (2..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            plan.emergency.numbers.push(digits);
        } else {
            let what = format!("{:?} is no emergency number", number.value);
            page.wrong(&number.span, what, "write it as it is dialled, such as \"112\"");
        }
    }
    plan.emergency.say = fields.text(page, "say").map(|say| say.value);
}

fn route(page: &mut Page, section: At<&DeTable<'_>>, home: Option<&str>, plan: &mut Plan) {
    let known = ["name", "called", "caller", "trunk", "header", "when", "not_when", "holiday_of", "to"];
    let fields = Fields::of(page, "[[route]]", section.value, section.span, &known);
    let number = plan.routes.len() + 1;
    let name = fields.text(page, "name").map_or_else(|| format!("route {number}"), |name| name.value);
    let to = fields.needed(page, "to", "\"agent\" or the name of an action");
    let headers = headers(page, &fields);
    let names = |page: &mut Page, key: &str| -> Vec<Named> {
        fields.texts(page, key).into_iter().map(|name| named(page, name)).collect()
    };
    let place = page.place(&fields.span);
    let route = Route {
        name,
        called: patterns(page, &fields, "called", home),
        callers: patterns(page, &fields, "caller", home),
        trunks: names(page, "trunk"),
        headers,
        when: names(page, "when"),
        not_when: names(page, "not_when"),
        holiday_of: names(page, "holiday_of"),
        to: match to {
            Some(to) => action_ref(page, to),
            None => ActionRef { name: "agent".into(), place: place.clone() },
        },
        place,
    };
    plan.routes.push(route);
}

fn headers(page: &mut Page, fields: &Fields<'_>) -> Vec<HeaderTest> {
    let mut tests = Vec::new();
    for section in fields.tables(page, "header") {
        let header = Fields::of(page, "header", section.value, section.span, &["name", "equals", "contains"]);
        let Some(name) = header.needed(page, "name", "\"X-Department\"") else { continue };
        let equals = header.text(page, "equals").map(|value| HeaderValue::Equals(value.value));
        let contains = header.text(page, "contains").map(|value| HeaderValue::Contains(value.value));
        match (equals, contains) {
            (Some(value), None) | (None, Some(value)) => {
                tests.push(HeaderTest { name: name.value.trim().to_owned(), value, place: page.place(&name.span) });
            }
            (None, None) | (Some(_), Some(_)) => {
                page.wrong(&header.span, "the header is not compared with one thing", "write equals or contains");
            }
        }
    }
    tests
}

fn patterns(page: &mut Page, fields: &Fields<'_>, key: &str, home: Option<&str>) -> Vec<Pattern> {
    let mut read = Vec::new();
    for written in fields.texts(page, key) {
        match Pattern::read(&written.value, home) {
            Ok(pattern) => read.push(pattern),
            Err(what) => page.wrong(&written.span, what, PATTERNS),
        }
    }
    read
}

/// Something that is mentioned by its name.
pub fn named(page: &Page, name: At<String>) -> Named {
    Named { place: page.place(&name.span), name: name.value }
}

/// An action that is mentioned by its name.
pub fn action_ref(page: &Page, name: At<String>) -> ActionRef {
    ActionRef { place: page.place(&name.span), name: name.value }
}

/// The action under a key, or a built-in one where nothing is written.
pub fn action_or(page: &mut Page, fields: &Fields<'_>, key: &str, default: &str) -> ActionRef {
    match fields.value(key).and_then(|value| text(page, key, value)) {
        Some(name) => action_ref(page, name),
        None => ActionRef { name: default.to_owned(), place: page.place(&fields.span) },
    }
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Routes of all files together; each call may look at all of them.
const ROUTES_MAX: usize = 1_000;
/// Names in one section of one file.
const NAMES_MAX: usize = 1_000;
/// Letters of a name.
const NAME_MAX: usize = 60;
