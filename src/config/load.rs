//! Reads the configuration from its layers and tells everything that is wrong with it in one go.

use std::fmt;
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Provider};

use super::{Config, Problem};

/// Where configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The TOML file. One that is named must exist.
    pub file: Option<PathBuf>,
    /// The environment; only names that begin with `SWITCHBOARD_` are looked at.
    pub environment: Vec<(String, String)>,
    /// Flags given on the command line.
    pub flags: Flags,
}

/// Flags by the dotted key they set.
#[derive(Clone, Debug, Default)]
pub struct Flags(Vec<(&'static str, Value)>);

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError(pub Vec<Misfit>);

/// One thing to mend, and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The file, environment variable or flag; `None` where no single one is to blame.
    pub place: Option<String>,
    /// What is wrong there.
    pub problem: Problem,
}

impl Sources {
    /// The file, this process's environment, and the flags.
    pub fn of_process(file: Option<PathBuf>, flags: Flags) -> Sources {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Sources { file, environment, flags }
    }
}

impl Flags {
    /// Sets `key` (`http.listen`) when the flag was given.
    pub fn set(mut self, key: &'static str, value: Option<impl Into<Value>>) -> Flags {
        if let Some(value) = value {
            self.0.push((key, value.into()));
        }
        self
    }

    /// Sets `key` to `true` when the flag was given.
    pub fn switch(self, key: &'static str, given: bool) -> Flags {
        self.set(key, given.then_some(true))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration cannot be used:")?;
        for misfit in &self.0 {
            write!(f, "\n  - {misfit}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        self.problem.fmt(f)
    }
}

/// Reads all layers, or tells everything that is wrong with them.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let mut misfits = Vec::new();
    let mut layers = Vec::new();
    if let Some(file) = &sources.file {
        match file_layer(file) {
            Ok(layer) => layers.push(layer),
            Err(misfit) => misfits.push(misfit),
        }
    }
    layers.extend(environment_layers(&sources.environment));
    layers.extend(sources.flags.0.iter().map(|(key, value)| Layer::of_flag(key, value.clone())));
    let config = extract(&mut layers, &mut misfits);
    if let Some(config) = &config
        && let Err(problems) = config.validate()
    {
        misfits.extend(problems.into_iter().map(|problem| Misfit { place: place_of(&layers, &problem.key), problem }));
    }
    match config {
        Some(config) if misfits.is_empty() => Ok(config),
        _ => Err(ConfigError(misfits)),
    }
}

/// What one source says.
struct Layer {
    /// As shown to people.
    place: String,
    values: Dict,
    /// For sources that carry text alone: the text, to be taken as it is where a string is wanted.
    text: Option<String>,
}

impl Layer {
    fn of_flag(key: &str, value: Value) -> Layer {
        // A flag's text is kept as it is: nothing was guessed from it.
        let flag = key.rsplit('.').next().unwrap_or(key).replace('_', "-");
        Layer { place: format!("flag for {key} (--{flag} or similar)"), values: nested(key, value), text: None }
    }
}

fn file_layer(file: &Path) -> Result<Layer, Misfit> {
    let misfit = |problem: String, remedy: &str| Misfit {
        place: Some(file.display().to_string()),
        problem: Problem { key: "the file".into(), problem, remedy: remedy.into() },
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| misfit(format!("it cannot be read: {error}"), "check its path and permissions"))?;
    let values = Toml::string(&text)
        .data()
        .map_err(|error| misfit(format!("it is not TOML: {error}"), "mend it at the line named"))?;
    let values = values.into_values().next().unwrap_or_default();
    Ok(Layer { place: file.display().to_string(), values, text: None })
}

/// Names with `__` are keys of a section and must fit. Of the others only keys outside sections count:
/// orchestrators put names such as `SWITCHBOARD_PORT` into the environment by themselves.
fn environment_layers(environment: &[(String, String)]) -> Vec<Layer> {
    let mut layers: Vec<Layer> = environment
        .iter()
        .filter_map(|(name, text)| {
            let key = name.strip_prefix("SWITCHBOARD_")?.to_lowercase();
            let known = key.contains("__") || super::DOCS.iter().any(|(root, _)| *root == key);
            known.then(|| {
                // Never fails: what is no number, truth value or list is a string.
                let value = text.parse().unwrap_or_else(|_| Value::from(text.clone()));
                let values = nested(&key.replace("__", "."), value);
                Layer { place: name.clone(), values, text: Some(text.clone()) }
            })
        })
        .collect();
    layers.sort_by(|a, b| a.place.cmp(&b.place));
    layers
}

/// Puts the layers upon the defaults. Each value that does not fit is told and taken out, until the rest fits.
fn extract(layers: &mut [Layer], misfits: &mut Vec<Misfit>) -> Option<Config> {
    for _ in 0..MISFITS_MAX {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        for layer in layers.iter() {
            figment = figment.merge(Serialized::defaults(&layer.values));
        }
        let error = match figment.extract::<Config>() {
            Ok(config) => return Some(config),
            Err(error) => error,
        };
        let Some(layer) = layers.iter_mut().rev().find(|layer| holds(&layer.values, &error.path)) else {
            let key = error.path.join(".");
            misfits.push(Misfit { place: None, problem: describe(key, &error.kind) });
            return None;
        };
        if let (Kind::InvalidType(..), Some(text)) = (&error.kind, layer.text.take()) {
            // A number or truth value was guessed where a string is wanted: "112" is an emergency number.
            layer.values = nested(&error.path.join("."), Value::from(text));
            continue;
        }
        misfits.push(Misfit { place: Some(layer.place.clone()), problem: describe(error.path.join("."), &error.kind) });
        take_out(&mut layer.values, &error.path);
    }
    None
}

/// After so many a person mends what is told first.
const MISFITS_MAX: usize = 100;

fn describe(key: String, kind: &Kind) -> Problem {
    let (problem, remedy) = match kind {
        Kind::UnknownField(name, known) => ("there is no such key".to_string(), suggestion(name, known)),
        Kind::UnknownVariant(found, known) => {
            (format!("\"{found}\" is not a choice"), format!("write one of {}", known.join(", ")))
        }
        Kind::InvalidType(found, wanted) => (format!("found {found}"), format!("write {}", plainly(wanted))),
        Kind::InvalidValue(found, wanted) => (format!("{found} does not fit"), format!("write {}", plainly(wanted))),
        Kind::MissingField(name) => (format!("\"{name}\" is missing"), format!("add {name} = …")),
        // The others carry a message of their own.
        other => (other.to_string(), "correct it; `switchboard config reference` tells what it means".into()),
    };
    Problem { key, problem, remedy }
}

/// What serde calls a type, in words for whoever writes the file.
fn plainly(wanted: &str) -> &str {
    match wanted {
        "a boolean" => "true or false",
        "a string" => "a text in quotes",
        "a sequence" => "a list, such as [\"one\", \"two\"]",
        "a map" => "a section of its own",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        // Names of structures and what they say about themselves.
        other => other,
    }
}

fn suggestion(name: &str, known: &[&str]) -> String {
    let nearest = known.iter().min_by_key(|candidate| distance(name, candidate));
    match nearest {
        Some(nearest) if distance(name, nearest) <= 3 => format!("did you mean {nearest}?"),
        // Too far from any to guess.
        _ => format!("take it out, or use one of {}", known.join(", ")),
    }
}

/// Letters to change, add or leave out between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The uppermost source that sets a key, or its nearest ancestor.
fn place_of(layers: &[Layer], key: &str) -> Option<String> {
    let path: Vec<String> = key.replace('[', ".").replace(']', "").split('.').map(String::from).collect();
    layers.iter().rev().find(|layer| holds(&layer.values, &path)).map(|layer| layer.place.clone())
}

fn nested(key: &str, value: Value) -> Dict {
    let (first, rest) = match key.split_once('.') {
        Some((first, rest)) => (first, Value::from(nested(rest, value))),
        None => (key, value),
    };
    Dict::from([(first.to_string(), rest)])
}

fn holds(dict: &Dict, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    let mut value = dict.get(first);
    for step in rest {
        value = match value {
            Some(Value::Dict(_, inner)) => inner.get(step),
            Some(Value::Array(_, items)) => step.parse().ok().and_then(|index: usize| items.get(index)),
            // A plain value set where a section is wanted is to blame for everything below it.
            Some(_) => return true,
            None => return false,
        };
    }
    value.is_some()
}

fn take_out(dict: &mut Dict, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        dict.remove(first);
        return;
    }
    match dict.get_mut(first) {
        Some(Value::Dict(_, inner)) => take_out(inner, rest),
        Some(Value::Array(_, items)) => {
            let Some(index) = rest[0].parse::<usize>().ok().filter(|index| *index < items.len()) else { return };
            match (&mut items[index], rest.len()) {
                (Value::Dict(_, inner), 2..) if holds(inner, &rest[1..]) => take_out(inner, &rest[1..]),
                // The element as a whole does not fit.
                _ => drop(items.remove(index)),
            }
        }
        // The value itself stands where a section is wanted.
        _ => drop(dict.remove(first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(toml: &str, environment: &[(&str, &str)]) -> (Sources, tempfile::NamedTempFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("data_dir = \"/d\"\n{toml}")).unwrap();
        let environment = environment.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        (Sources { file: Some(file.path().into()), environment, flags: Flags::default() }, file)
    }

    #[test]
    fn a_flag_outranks_the_environment_and_that_the_file() {
        let (mut sources, _file) = sources(
            "[http]\nlisten = \"127.0.0.1:1\"\nrequests_max = 7\n[store]\nreaders = 2",
            &[("SWITCHBOARD_HTTP__LISTEN", "127.0.0.1:2"), ("SWITCHBOARD_HTTP__REQUESTS_MAX", "8")],
        );
        sources.flags =
            Flags::default().set("http.listen", Some("127.0.0.1:3")).switch("http.loopback_needs_token", false);
        let config = load(&sources).unwrap();
        assert_eq!(config.http.listen, "127.0.0.1:3".parse::<std::net::SocketAddr>().unwrap());
        assert_eq!((config.http.requests_max, config.store.readers), (8, 2));
        assert!(!config.http.loopback_needs_token);
    }

    #[test]
    fn every_misfit_is_told_at_once_with_its_place() {
        let (sources, file) = sources(
            "colour = 1\n[http]\nlisten = \"nowhere\"\nrequest_max = 1\n[store]\nreaders = \"two\"\nbusy_timeout_ms = 1",
            &[("SWITCHBOARD_LOGGING__FORMAT", "xml"), ("SWITCHBOARD_STORE__FIEL", "x")],
        );
        let ConfigError(misfits) = load(&sources).unwrap_err();
        let place = file.path().display().to_string();
        let told =
            |key: &str| misfits.iter().find(|m| m.problem.key == key).unwrap_or_else(|| panic!("{key}: {misfits:?}"));
        for key in ["colour", "http.listen", "http.request_max", "store.readers", "store.busy_timeout_ms"] {
            assert_eq!(told(key).place.as_deref(), Some(&*place), "{key}");
        }
        assert_eq!(told("http.request_max").problem.remedy, "did you mean requests_max?");
        assert_eq!(told("store.fiel").problem.remedy, "did you mean file?");
        assert_eq!(told("logging.format").place.as_deref(), Some("SWITCHBOARD_LOGGING__FORMAT"));
        assert_eq!(misfits.len(), 7, "{misfits:?}");
    }

    #[test]
    fn digits_in_the_environment_are_a_string_where_one_is_wanted() {
        let (sources, _file) = sources("", &[("SWITCHBOARD_STORE__FILE", "112")]);
        assert_eq!(load(&sources).unwrap().store.file, "112");
    }

    #[test]
    fn a_list_is_written_in_brackets_in_the_environment_too() {
        let (good, _file) = sources("", &[("SWITCHBOARD_HTTP__ALLOWED_HOSTS", "[a.example, b.example]")]);
        assert_eq!(load(&good).unwrap().http.allowed_hosts, ["a.example", "b.example"]);
        let (bare, _file) = sources("", &[("SWITCHBOARD_HTTP__ALLOWED_HOSTS", "a.example")]);
        let told = load(&bare).unwrap_err().to_string();
        assert!(told.contains("SWITCHBOARD_HTTP__ALLOWED_HOSTS") && told.contains("write a list"), "{told}");
    }

    /// Sections with lists of tables, such as trunks: what is wrong in one leaves the others.
    #[test]
    fn what_is_wrong_within_a_list_is_taken_out_alone() {
        let table = |key: &str| Value::from(Dict::from([(key.to_string(), Value::from(1))]));
        let trunks = || nested("sip.trunks", Value::from(vec![table("name"), table("nam")]));
        let path = |text: &str| text.split('.').map(String::from).collect::<Vec<_>>();
        let mut values = trunks();
        assert!(holds(&values, &path("sip.trunks.1.nam")) && !holds(&values, &path("sip.trunks.2.nam")));
        take_out(&mut values, &path("sip.trunks.1.nam"));
        assert!(!holds(&values, &path("sip.trunks.1.nam")) && holds(&values, &path("sip.trunks.1")));
        let mut values = trunks();
        // A key that is missing from an element takes the element with it, or the reading would never end.
        take_out(&mut values, &path("sip.trunks.1"));
        assert!(holds(&values, &path("sip.trunks.0.name")) && !holds(&values, &path("sip.trunks.1")));
    }

    #[test]
    fn foreign_names_in_the_environment_are_let_be() {
        let (sources, _file) =
            sources("", &[("SWITCHBOARD_PORT", "tcp://10.0.0.1:80"), ("SWITCHBOARD_DATA_DIR", "/elsewhere")]);
        assert_eq!(load(&sources).unwrap().data_dir, Path::new("/elsewhere"));
    }

    #[test]
    fn a_file_that_is_not_there_or_not_toml_is_told() {
        let (good, _file) = sources("[http", &[]);
        let told = load(&good).unwrap_err().to_string();
        assert!(told.contains("it is not TOML"), "{told}");
        let missing = Sources { file: Some("/nowhere/at/all.toml".into()), ..Sources::default() };
        assert!(load(&missing).unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn a_plain_value_in_the_place_of_a_section_is_told_once() {
        let (sources, _file) = sources("http = 3", &[]);
        let ConfigError(misfits) = load(&sources).unwrap_err();
        assert_eq!(misfits.len(), 1, "{misfits:?}");
    }
}
