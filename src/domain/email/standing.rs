//! Whether other servers can tell that mail of a domain is ours: SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489), as
//! far as what is published tells.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What is published, as TXT records.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// Of the domain.
    pub domain: Vec<String>,
    /// Of `selector._domainkey.domain`.
    pub key: Vec<String>,
    /// Of `_dmarc.domain`.
    pub policy: Vec<String>,
}

/// How we sign.
#[derive(Clone, Debug)]
pub struct Signing {
    /// The signing domain.
    pub domain: String,
    /// The key's name.
    pub selector: String,
    /// Our key's public half: of RSA its PKCS #1 form, of Ed25519 its 32 bytes. `None` when it is not known here.
    pub public_key: Option<Vec<u8>>,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is well.
    Well(String),
    /// What is wrong, and what to do.
    Mend(String, String),
}

use Standing::{Mend, Well};

/// Looks over what is published for mail from `domain`.
pub fn standing(domain: &str, signing: Option<&Signing>, published: &Published) -> Vec<Standing> {
    let spf = spf(domain, &published.domain);
    let key = signing.map(|signing| dkim(signing, &published.key));
    let aligned = |strict: bool| {
        let signs_for = |signing: &Signing| is_aligned(&signing.domain, domain, strict);
        matches!(&key, Some(Well(_))) && signing.is_some_and(signs_for)
    };
    let policy = dmarc(domain, &published.policy, &aligned, matches!(spf, Well(_)));
    let unsigned = || Well(format!("mail from {domain} is not signed here; its mail server may sign it"));
    vec![spf, key.unwrap_or_else(unsigned), policy]
}

fn spf(domain: &str, records: &[String]) -> Standing {
    let found: Vec<&String> = records.iter().filter(|record| is_version(record, "v=spf1")).collect();
    let [record] = found.as_slice() else {
        let remedy =
            format!("publish one TXT record at {domain} that names your mail server, such as `v=spf1 mx -all`");
        let what = if found.is_empty() {
            "SPF: there is no record"
        } else {
            "SPF: there are several records, which counts as none"
        };
        return Mend(what.into(), remedy);
    };
    let terms: Vec<String> = record.split_whitespace().skip(1).map(str::to_ascii_lowercase).collect();
    if terms.iter().any(|term| matches!(term.as_str(), "all" | "+all" | "?all")) {
        let remedy = "end it with `-all` or `~all`, behind the servers that send for you";
        return Mend(format!("SPF: the record of {domain} lets everybody send"), remedy.into());
    }
    let senders = terms.iter().filter(|term| !term.ends_with("all") && !term.starts_with("exp=")).count();
    if senders == 0 {
        let remedy = "name your mail server in it, such as `v=spf1 mx -all`";
        return Mend(format!("SPF: the record of {domain} lets nobody send"), remedy.into());
    }
    if !terms.iter().any(|term| matches!(term.as_str(), "-all" | "~all") || term.starts_with("redirect=")) {
        return Mend(
            format!("SPF: the record of {domain} says nothing of others"),
            "end it with `-all` or `~all`".into(),
        );
    }
    Well(format!("SPF: {record}"))
}

fn dkim(signing: &Signing, records: &[String]) -> Standing {
    let place = format!("{}._domainkey.{}", signing.selector, signing.domain);
    let publish = || format!("publish the key's public half as a TXT record at {place}: `v=DKIM1; k=rsa; p=…`");
    let keys: Vec<&String> = records.iter().filter(|record| tag(record, "p").is_some()).collect();
    let [record] = keys.as_slice() else {
        let what = if keys.is_empty() { "no key" } else { "several keys" };
        return Mend(format!("DKIM: {what} at {place}"), publish());
    };
    let text: String = tag(record, "p").unwrap_or_default().split_whitespace().collect();
    if text.is_empty() {
        return Mend(
            format!("DKIM: the key at {place} is revoked"),
            "sign with another selector, or publish the key".into(),
        );
    }
    let Ok(published) = STANDARD.decode(&text) else {
        return Mend(format!("DKIM: the key at {place} cannot be read"), publish());
    };
    // An RSA key is published within its SubjectPublicKeyInfo, at whose end PKCS #1 stands.
    match &signing.public_key {
        Some(ours) if !published.ends_with(ours) => {
            Mend(format!("DKIM: the key at {place} is not the one that we sign with"), publish())
        }
        _ => Well(format!("DKIM: the key at {place} is there")),
    }
}

fn dmarc(domain: &str, records: &[String], signed: &dyn Fn(bool) -> bool, has_spf: bool) -> Standing {
    let found: Vec<&String> = records.iter().filter(|record| is_version(record, "v=dmarc1")).collect();
    let [record] = found.as_slice() else {
        let remedy = format!("publish one TXT record at _dmarc.{domain}, such as `v=DMARC1; p=none; rua=mailto:…`");
        return Mend(format!("DMARC: no single record at _dmarc.{domain}"), remedy);
    };
    let policy = tag(record, "p").unwrap_or_default().to_ascii_lowercase();
    let strict = tag(record, "adkim").is_some_and(|value| value.eq_ignore_ascii_case("s"));
    match policy.as_str() {
        "none" => Well("DMARC: published; it only asks for reports (p=none)".into()),
        "quarantine" | "reject" if signed(strict) => {
            Well(format!("DMARC: p={policy}, and our signature is of that domain"))
        }
        "quarantine" | "reject" if has_spf => {
            Well(format!("DMARC: p={policy}, which rests on SPF alone: forwarded mail is lost"))
        }
        "quarantine" | "reject" => Mend(
            format!("DMARC: p={policy}, and neither SPF nor DKIM proves our mail"),
            "mend SPF or DKIM above, or others put our mail away".into(),
        ),
        _ => Mend(format!("DMARC: the policy `{policy}` is none"), "write p=none, p=quarantine or p=reject".into()),
    }
}

/// Relaxed: one is the other, or below it (RFC 7489, section 3.1).
fn is_aligned(signed: &str, from: &str, strict: bool) -> bool {
    let (signed, from) = (signed.to_ascii_lowercase(), from.to_ascii_lowercase());
    let below = |one: &str, other: &str| one.strip_suffix(other).is_some_and(|rest| rest.ends_with('.'));
    signed == from || !strict && (below(&from, &signed) || below(&signed, &from))
}

fn is_version(record: &str, version: &str) -> bool {
    let start = record.split([' ', ';']).next().unwrap_or_default();
    start.trim().eq_ignore_ascii_case(version)
}

fn tag<'r>(record: &'r str, name: &str) -> Option<&'r str> {
    record
        .split(';')
        .filter_map(|part| part.split_once('='))
        .find(|(known, _)| known.trim() == name)
        .map(|(_, v)| v.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(published: Published, signing: Option<&Signing>) -> Vec<bool> {
        standing("example.com", signing, &published).iter().map(|one| matches!(one, Well(_))).collect()
    }

    #[test]
    fn spf_dkim_and_dmarc_agree_or_are_told_apart() {
        let signing = Signing { domain: "example.com".into(), selector: "mail".into(), public_key: Some(vec![7; 32]) };
        let key = format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode([7; 32]));
        let all = Published {
            domain: vec!["google-site-verification=x".into(), "v=spf1 include:_spf.example.net ~all".into()],
            key: vec![key.clone()],
            policy: vec!["v=DMARC1; p=reject; adkim=s".into()],
        };
        assert_eq!(found(all.clone(), Some(&signing)), [true, true, true]);
        assert_eq!(found(Published::default(), Some(&signing)), [false, false, false]);
        let other_key =
            Published { key: vec![key.replace(&STANDARD.encode([7; 32]), &STANDARD.encode([8; 32]))], ..all.clone() };
        assert_eq!(found(other_key, Some(&signing)), [true, false, true], "DMARC rests on SPF then");
        let open = Published { domain: vec!["v=spf1 +all".into()], ..all.clone() };
        assert_eq!(found(open, None), [false, true, false]);
        let twice = Published { domain: vec!["v=spf1 mx -all".into(), "v=spf1 a -all".into()], ..all };
        assert_eq!(found(twice, Some(&signing)), [false, true, true]);
    }

    #[test]
    fn a_signature_of_another_domain_proves_nothing() {
        assert!(is_aligned("mail.example.com", "example.com", false));
        assert!(!is_aligned("mail.example.com", "example.com", true));
        assert!(!is_aligned("notexample.com", "example.com", false));
    }
}
