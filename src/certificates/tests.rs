//! Certificates made on the spot.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair, SanType};
use tempfile::TempDir;

use super::*;

/// Writes a certificate for these names, valid for so many days from so many days ago.
fn write(folder: &Path, names: &[&str], from_days: i64, for_days: i64) -> CertificateFiles {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let now = time::OffsetDateTime::now_utc();
    params.not_before = now + time::Duration::days(from_days);
    params.not_after = params.not_before + time::Duration::days(for_days);
    params.subject_alt_names.push(SanType::URI("sip:calls.example.com".try_into().unwrap()));
    let key = KeyPair::generate().unwrap();
    let files = CertificateFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
    files
}

fn der(kept: &Kept) -> Vec<u8> {
    kept.current().cert[0].to_vec()
}

/// R46.
#[test]
fn a_new_pair_is_taken_and_one_that_cannot_be_used_is_not() {
    let folder = TempDir::new().unwrap();
    let files = write(folder.path(), &["a.example.com"], -1, 90);
    let kept = Kept::open(files.clone()).unwrap();
    let first = der(&kept);
    assert!(!kept.look().unwrap(), "nothing has changed");

    write(folder.path(), &["a.example.com", "www.a.example.com"], -1, 90);
    assert!(kept.look().unwrap());
    let second = der(&kept);
    assert_ne!(first, second);

    // Half written: the certificate is there, its key not yet.
    let old_key = fs::read(&files.key).unwrap();
    write(folder.path(), &["a.example.com", "b.example.com", "c.example.com"], -1, 90);
    let new_key = fs::read(&files.key).unwrap();
    fs::write(&files.key, [&old_key[..], b"\n"].concat()).unwrap();
    assert!(matches!(kept.look(), Err(CertificateError::Key { .. })));
    assert_eq!(der(&kept), second);
    fs::write(&files.key, new_key).unwrap();
    assert!(kept.look().unwrap());
    let third = der(&kept);

    write(folder.path(), &["ended.example.com"], -30, 10);
    assert!(kept.look().unwrap_err().to_string().contains("ended"));
    write(folder.path(), &["not.yet.a.certificate.example.com"], 10, 10);
    assert!(kept.look().unwrap_err().to_string().contains("not valid yet"));
    fs::write(&files.certificate, "hello").unwrap();
    assert!(kept.look().is_err());
    fs::remove_file(&files.certificate).unwrap();
    assert!(kept.look().is_err());
    assert!(!kept.look().unwrap(), "the same mistake is told once");
    assert_eq!(der(&kept), third);
}

#[test]
fn what_is_missing_or_does_not_belong_together_is_told_with_its_file() {
    let folder = TempDir::new().unwrap();
    let files = write(folder.path(), &["a.example.com"], -1, 90);
    let other = TempDir::new().unwrap();
    let strange = CertificateFiles { key: write(other.path(), &["b.example.com"], -1, 90).key, ..files.clone() };
    assert!(strange.read().unwrap_err().to_string().contains("is not the key of"));
    let missing = CertificateFiles { certificate: folder.path().join("nowhere.pem"), ..files.clone() };
    assert!(missing.read().unwrap_err().to_string().contains("nowhere.pem"));
    let no_certificate = CertificateFiles { certificate: files.key.clone(), ..files.clone() };
    assert!(no_certificate.read().unwrap_err().to_string().contains("no certificate in it"));
    assert!(authorities(Some(&files.key)).is_err());
    assert_eq!(authorities(Some(&files.certificate)).unwrap().len(), 1);
}

/// RFC 5922 §7.1.
#[test]
fn a_certificate_is_good_for_the_names_it_bears() {
    let folder = TempDir::new().unwrap();
    let files = write(folder.path(), &["A.example.com", "*.stars.example.com", "192.0.2.7"], -1, 90);
    let facts = inspect(&files.read().unwrap().cert[0]).unwrap();
    for host in ["a.example.com", "a.EXAMPLE.com.", "x.stars.example.com", "192.0.2.7", "calls.example.com"] {
        assert!(facts.names_host(host), "{host}");
    }
    for host in ["b.example.com", "example.com", "stars.example.com", "x.y.stars.example.com", "192.0.2.8", ""] {
        assert!(!facts.names_host(host), "{host}");
    }
    assert!(facts.not_after - facts.not_before == 90 * 86_400);
}
