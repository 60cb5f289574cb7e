//! Whether certificates can be used: ours, and those of trunks that are reached over TLS.

use std::net::SocketAddr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::{Finding, Good, Mend, TRUNK_ANSWERS};
use crate::certificates::{CertificateFiles, inspect};
use crate::config::Config;
use crate::config::sip::TrunkConfig;
use crate::sip::prove_trunk;

/// A certificate that ends within so many days is told: whoever renews it has failed to, by then.
const SOON_DAYS: i64 = 7;
const DAY_SECONDS: i64 = 86_400;

/// Our certificates; nothing where none is configured.
pub(super) fn ours(config: &Config) -> Vec<(&'static str, Finding)> {
    let sip = &config.sip;
    let files = CertificateFiles::named(sip.certificate_file.as_ref(), sip.key_file.as_ref());
    let host = sip.advertised.as_deref().map(|host| host.split(':').next().unwrap_or(host));
    let http = &config.http;
    let asked_for = config.data_dir.join("acme").join("certificate.pem");
    let asked_for = (!http.acme.names.is_empty() && asked_for.exists()).then_some(asked_for);
    let web = CertificateFiles::named(http.certificate_file.as_ref(), http.key_file.as_ref())
        .or_else(|| CertificateFiles::named(asked_for.as_ref(), asked_for.as_ref()));
    let web_host = http.allowed_hosts.first().or(http.acme.names.first()).map(String::as_str);
    let sip = files.map(|files| ("SIP certificate", look_over(&files, host, false)));
    sip.into_iter()
        .chain(web.map(|files| ("HTTP certificate", look_over(&files, web_host, asked_for.is_some()))))
        .collect()
}

/// `host` is the name under which others reach us, where it is configured; one that is asked for by ourselves stands for
/// nothing until an authority has signed it.
fn look_over(files: &CertificateFiles, host: Option<&str>, is_asked_for: bool) -> Finding {
    let file = files.certificate.display();
    let renew = "renew it, and name both PEM files; a running server takes them up by itself";
    let read = match files.read() {
        Ok(read) => read,
        Err(error) => return Mend(error.to_string(), renew.into()),
    };
    let Some(facts) = read.cert.first().and_then(inspect) else {
        return Mend(format!("{file} cannot be read"), renew.into());
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let names = facts.names.join(", ");
    if facts.not_before > now {
        return Mend(format!("{file} is not valid yet"), "wait, set this machine's clock, or use another".into());
    }
    let days_left = (facts.not_after - now) / DAY_SECONDS;
    if facts.not_after <= now {
        return Mend(format!("{file} ended {} days ago", -days_left), renew.into());
    }
    if let Some(host) = host.filter(|host| !facts.names_host(host)) {
        let remedy = format!("have one issued for {host}, or write one of its names into sip.advertised");
        return Mend(format!("{file} is for {names}, not for {host}"), remedy);
    }
    if facts.self_signed && is_asked_for {
        let remedy = "start the server, and see in its log why the authority has given none";
        return Mend(format!("{file} is vouched for by nobody but itself"), remedy.into());
    }
    if days_left < SOON_DAYS {
        return Mend(format!("{file} ends in {days_left} days"), renew.into());
    }
    Good(format!("for {names}, {days_left} days left"))
}

/// Shakes hands with a trunk, as a call to it would.
pub(super) async fn trunk(trunk: &TrunkConfig, address: SocketAddr) -> Finding {
    let began = Instant::now();
    let remedy = format!(
        "its certificate must bear the name {} and come from an authority of this system or of ca_file; see sip.trunks \
         \"{}\": host, certificate_names, ca_file",
        trunk.names().join(" or "),
        trunk.name
    );
    match tokio::time::timeout(TRUNK_ANSWERS, prove_trunk(trunk, address)).await {
        Ok(Ok(())) => Good(format!("{} proves itself over TLS after {} ms", trunk.host, began.elapsed().as_millis())),
        Ok(Err(error)) => Mend(error.to_string(), remedy),
        Err(_) => Mend(format!("{address} does not answer over TLS"), "check host, port and firewall".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn told(days: (i64, i64), host: Option<&str>) -> String {
        let folder = tempfile::TempDir::new().unwrap();
        let mut params = CertificateParams::new(vec!["desk.example.com".to_owned()]).unwrap();
        let now = time::OffsetDateTime::now_utc();
        (params.not_before, params.not_after) =
            (now + time::Duration::days(days.0), now + time::Duration::days(days.1));
        let key = KeyPair::generate().unwrap();
        let files =
            CertificateFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        std::fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        match look_over(&files, host, false) {
            Good(what) => format!("good: {what}"),
            Mend(what, _) => what,
        }
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_told() {
        assert!(told((-1, 30), None).starts_with("good: for desk.example.com"));
        assert!(told((-1, 30), Some("desk.example.com")).starts_with("good"));
        assert!(told((-1, 30), Some("other.example.com")).contains("not for other.example.com"));
        assert!(told((-30, -2), None).contains("ended"));
        assert!(told((2, 30), None).contains("not valid yet"));
        assert!(told((-30, 3), None).contains("ends in"));
        let nowhere = CertificateFiles { certificate: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() };
        let Mend(what, _) = look_over(&nowhere, None, false) else { panic!("it is missing") };
        assert!(what.contains("/nowhere/cert.pem"), "{what}");
    }
}
