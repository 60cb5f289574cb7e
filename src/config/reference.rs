//! The reference of every key, generated from the sections themselves.

use std::fmt::Write;

use serde_json::Value;

use super::{Config, DOCS, SECTIONS};

/// Every key with its default, environment variable and meaning, as Markdown.
pub fn markdown() -> String {
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut out = String::from(
        "# Configuration\n\nWeakest first: defaults, the TOML file, the environment, flags. Print this page with \
         `switchboard config reference`, test a file with `switchboard config check FILE`.\n\n",
    );
    table(&mut out, "", &defaults, DOCS);
    for (section, docs) in SECTIONS {
        let _ = writeln!(out, "\n## [{section}]\n");
        table(&mut out, section, &defaults[section], docs);
    }
    out
}

fn table(out: &mut String, section: &str, defaults: &Value, docs: &[(&str, &str)]) {
    out.push_str("| key | default | environment | meaning |\n|---|---|---|---|\n");
    for (key, meaning) in docs {
        let variable = match section {
            "" => format!("SWITCHBOARD_{}", key.to_uppercase()),
            section => format!("SWITCHBOARD_{}__{}", section.to_uppercase(), key.to_uppercase().replace('.', "__")),
        };
        let default = match key.split('.').try_fold(defaults, |value, step| value.get(step)) {
            // The default folder depends on who asks; the meaning tells it.
            _ if *key == "data_dir" => "see meaning".to_string(),
            None | Some(Value::Null) => "none".to_string(),
            Some(Value::Array(items)) if items.is_empty() => "none".to_string(),
            // Sections hold fractions as f32, which shows its rounding once it is widened.
            Some(Value::Number(number)) if number.is_f64() => {
                format!("`{}`", number.as_f64().unwrap_or_default() as f32)
            }
            Some(value) => format!("`{value}`"),
        };
        let _ = writeln!(out, "| `{key}` | {default} | `{variable}` | {} |", meaning.replace('|', "\\|"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key that nobody explained is not configurable by anybody.
    #[test]
    fn every_key_of_every_section_is_explained() {
        let defaults = serde_json::to_value(Config::default()).unwrap();
        let covers = |docs: &[(&str, &str)], key: &str| {
            docs.iter()
                .any(|(doc, _)| *doc == key || doc.strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', '['])))
        };
        for (name, value) in defaults.as_object().unwrap() {
            let section = SECTIONS.iter().find(|(section, _)| section == name);
            let Some((_, docs)) = section else {
                assert!(covers(DOCS, name), "{name} is not explained");
                continue;
            };
            let keys = value.as_object().unwrap();
            for key in keys.keys() {
                assert!(covers(docs, key), "{name}.{key} is not explained");
            }
            for (doc, _) in *docs {
                let first = doc.split(['.', '[']).next().unwrap();
                assert!(keys.contains_key(first), "{name}.{doc} is explained but does not exist");
            }
        }
    }

    #[test]
    fn the_reference_names_key_default_and_variable() {
        let page = markdown();
        assert!(page.contains("| `listen` | `\"127.0.0.1:8080\"` | `SWITCHBOARD_HTTP__LISTEN` |"), "{page}");
    }
}
