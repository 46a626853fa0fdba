//! Until when the certificate is valid that a client shows. librdkafka takes an old one; the brokers do not.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::pkcs12::Pkcs12;
use openssl::x509::X509;

use super::material::MaterialSettings;

/// It should have been renewed by then.
const SOON_DAYS: i32 = 7;

/// What is wrong with the dates of the client's certificate, for people. `None` if nothing is, or if there is none that can
/// be read: whoever makes a client of it says why.
pub(super) fn trouble(settings: &MaterialSettings, texts: &BTreeMap<String, String>) -> Option<String> {
    let (property, certificate) = certificate(settings, texts)?;
    let days = |from_now| Asn1Time::days_from_now(from_now).ok();
    let (now, soon) = (days(0)?, days(u32::try_from(SOON_DAYS).ok()?)?);
    let (from, until) = (certificate.not_before(), certificate.not_after());
    let what = if is_before(until, &now) {
        format!("has expired: it was valid until {until}; the brokers refuse it")
    } else if is_before(&now, from) {
        format!("is not valid before {from}; the brokers refuse it, unless this machine's clock is wrong")
    } else if is_before(until, &soon) {
        format!("is valid until {until}, which is less than {SOON_DAYS} days")
    } else {
        return None;
    };
    Some(format!("the certificate of `{property}` {what}"))
}

fn is_before(one: &Asn1TimeRef, other: &Asn1TimeRef) -> bool {
    one.compare(other).is_ok_and(|order| order == Ordering::Less)
}

/// The first one of a file is the client's own; those behind it have issued it.
fn certificate(settings: &MaterialSettings, texts: &BTreeMap<String, String>) -> Option<(&'static str, X509)> {
    let text = |name: &str| texts.get(name).or_else(|| settings.tls.get(name));
    if let Some(pem) = text("ssl.certificate.pem") {
        return Some(("ssl.certificate.pem", X509::from_pem(pem.as_bytes()).ok()?));
    }
    if let Some(path) = settings.files.get("ssl.certificate.location") {
        return Some(("ssl.certificate.location", X509::from_pem(&std::fs::read(path).ok()?).ok()?));
    }
    let store = std::fs::read(settings.files.get("ssl.keystore.location")?).ok()?;
    let password = text("ssl.keystore.password").map_or("", String::as_str);
    Some(("ssl.keystore.location", Pkcs12::from_der(&store).ok()?.parse2(password).ok()?.cert?))
}

#[cfg(test)]
mod tests {
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;

    use super::*;

    fn valid(from: i64, until: i64) -> String {
        let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        let at = |days: i64| Asn1Time::from_unix(now.cast_signed() + days * 86_400).expect("a time");
        let mut certificate = X509::builder().expect("a certificate");
        certificate.set_not_before(&at(from)).expect("a date");
        certificate.set_not_after(&at(until)).expect("a date");
        certificate.set_pubkey(&key).expect("a key");
        certificate.sign(&key, MessageDigest::sha256()).expect("a signature");
        String::from_utf8(certificate.build().to_pem().expect("a PEM")).expect("a text")
    }

    fn told(from: i64, until: i64) -> Option<String> {
        let texts = [("ssl.certificate.pem".to_owned(), valid(from, until))].into();
        trouble(&MaterialSettings::default(), &texts)
    }

    #[test]
    fn a_certificate_out_of_its_dates_is_told() {
        assert_eq!(told(-1, 30), None);
        let says = |text: Option<String>, words: &str| {
            assert!(text.as_deref().is_some_and(|text| text.contains(words)), "{text:?}")
        };
        says(told(-30, -1), "`ssl.certificate.pem` has expired");
        says(told(1, 30), "is not valid before");
        says(told(-1, 3), "less than 7 days");
    }

    #[test]
    fn where_there_is_none_nothing_is_said() {
        assert_eq!(trouble(&MaterialSettings::default(), &BTreeMap::new()), None);
        let broken = [("ssl.certificate.pem".to_owned(), "no PEM".to_owned())].into();
        assert_eq!(trouble(&MaterialSettings::default(), &broken), None);
    }
}
