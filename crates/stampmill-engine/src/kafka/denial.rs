//! Why brokers keep a client out, as librdkafka tells it, in words that say where to look.

use rdkafka::error::RDKafkaErrorCode as Code;
use stampmill_core::escape::escape_line;

use super::certificate;
use crate::settings::Properties;

/// What is not accepted; of whom, the text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    /// Who the client is, by SASL.
    Authentication,
    /// How it proves that.
    Mechanism,
    /// That it proves anything: the listener takes no login, or none just now.
    Login,
    /// A certificate, or TLS altogether.
    Tls,
    /// What the client wants to do.
    Permission,
}

/// Properties whose values a broker knows and could tell again, for all to read.
const SECRETS: [&str; 7] = [
    "sasl.password",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.client.credentials.client.secret",
];
/// Properties that name a certificate of the client.
const SHOWN: [&str; 3] = ["ssl.certificate.location", "ssl.certificate.pem", "ssl.keystore.location"];
/// Both are names of one property.
const MECHANISM: [&str; 2] = ["sasl.mechanism", "sasl.mechanisms"];
const WANTED: &str = "the brokers want a certificate of this client: see `ssl.certificate.location` and `ssl.key.location`, or `ssl.keystore.location`";
const REDACTED: &str = "(redacted)";
/// A broker's own words are of any length.
const LONGEST: usize = 500;

// === impl Denial ===

impl Denial {
    /// `None` for what passes by itself, such as a broker that is down.
    pub(crate) fn of(code: Code, reason: &str) -> Option<Self> {
        match code {
            // The connection broke, or was too slow, while it was asked who it is: nobody has refused it.
            Code::Authentication if reason.contains("failed: Local: ") => None,
            Code::Authentication if reason.contains("not valid in current SASL state") => Some(Self::Login),
            Code::UnsupportedSASLMechanism => Some(Self::Mechanism),
            Code::Authentication if reason.contains("nsupported SASL mechanism") => Some(Self::Mechanism),
            Code::Authentication | Code::SaslAuthenticationFailed => Some(Self::Authentication),
            Code::SSL => Some(Self::Tls),
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed => Some(Self::Permission),
            // A broker that refuses our certificate says so after the handshake, when the connection is up. And one that
            // speaks another protocol than ours ends the connection.
            Code::BrokerTransportFailure
                if reason.contains("SSL routines")
                    || reason.contains("PLAINTEXT broker listener")
                    || is_of_protocol(reason) =>
            {
                Some(Self::Tls)
            }
            _ => None,
        }
    }

    /// What to look at, by librdkafka's words and what the client is told.
    fn advice(self, reason: &str, properties: &Properties) -> &'static str {
        let by_token = MECHANISM.iter().any(|name| properties.get(*name).is_some_and(|set| set == "OAUTHBEARER"));
        // A broker that misses a certificate may say that it is bad.
        let shows_none = !SHOWN.iter().any(|name| properties.contains_key(*name));
        let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
        match self {
            Self::Mechanism => "see `sasl.mechanism`: the brokers name those that they know",
            Self::Login => {
                "see `security.protocol` and the port in `bootstrap.servers`: the listener there takes no login"
            }
            Self::Authentication if by_token => {
                "see `sasl.oauthbearer.*`: the brokers do not take the token, because of its issuer, audience, signature or age"
            }
            Self::Authentication => {
                "see `sasl.username`, `sasl.password` and `sasl.mechanism`, and whether the brokers know this user under this mechanism"
            }
            Self::Tls if is_of_certificate(reason) => {
                "the brokers' certificate is not accepted: see `ssl.ca.location`, which has to name who issued it, the host names in `bootstrap.servers`, which have to be those of the certificate, and its dates"
            }
            Self::Tls if says(&["certificate required", "client SSL authentication might be required"]) => WANTED,
            Self::Tls if says(&["alert bad certificate"]) && shows_none => WANTED,
            Self::Tls if says(&["alert", "SSL alert number"]) => {
                "the brokers do not accept the certificate of this client: see `ssl.certificate.location` or `ssl.keystore.location`, its dates, and whom the brokers trust"
            }
            Self::Tls
                if says(&[
                    "security.protocol",
                    "PLAINTEXT broker listener",
                    "wrong version number",
                    "packet length too long",
                ]) =>
            {
                "see `security.protocol` and the port in `bootstrap.servers`: the listener there speaks another protocol"
            }
            Self::Tls if is_mute(reason) => {
                "see `security.protocol` and the port in `bootstrap.servers`: the listener there wants TLS, or no broker is behind that address"
            }
            Self::Tls if is_turned_away(reason) => {
                "see `security.protocol` and `sasl.*`: the listener there wants a login, or its broker went down just then"
            }
            Self::Tls => "see `security.protocol` and the properties `ssl.*`",
            Self::Permission => "grant this user what it needs there",
        }
    }
}

/// librdkafka's reason, on one line and without what changes from one time to the next, and behind it what to look at.
/// `None` if nobody keeps the client out.
pub(crate) fn explain(code: Code, reason: &str, properties: &Properties) -> Option<String> {
    let denial = Denial::of(code, reason)?;
    // Brokers take no two re-authentications of a connection within a second (KIP-368), and a token that is about to expire
    // asks for them. librdkafka connects anew.
    if denial == Denial::Login && properties.is_token_ending() {
        return None;
    }
    let advice = denial.advice(reason, properties);
    Some(format!("{}; {advice}", plain(reason, properties)))
}

/// As [`explain`], and if it is the broker's certificate that is not accepted, why. It is asked for, so this blocks.
pub(crate) fn examine(code: Code, reason: &str, properties: &Properties) -> Option<String> {
    let explained = explain(code, reason, properties)?;
    let Some((protocol, rest)) = reason.split_once("://").filter(|_| is_of_certificate(reason)) else {
        return Some(explained);
    };
    let address = rest.split(['/', ' ']).next().unwrap_or_default().trim_end_matches(':');
    let fault = certificate::fault(address, properties).map(|fault| plain(&fault, properties));
    Some(fault.map_or(explained, |fault| {
        format!("{protocol}://{address}: certificate verify failed: the broker's certificate is not accepted: {fault}")
    }))
}

/// A broker has ended the connection where one does whose listener speaks another protocol.
pub(super) fn is_of_protocol(reason: &str) -> bool {
    reason.contains("security.protocol") || is_mute(reason) || is_turned_away(reason)
}

/// The connection was ended as soon as something was asked: librdkafka takes up to 2 s for that, too, in what it guesses.
fn is_turned_away(reason: &str) -> bool {
    let state = reason.rsplit_once(" (after ").filter(|(reason, _)| reason.contains("Disconnected"));
    let after = state.and_then(|(_, state)| state.split_once("ms in state UP")?.0.parse::<u32>().ok());
    after.is_some_and(|milliseconds| milliseconds < 2_000)
}

/// The connection was ended before the broker had said which requests it knows: librdkafka's name for that state is in its reason.
fn is_mute(reason: &str) -> bool {
    reason.contains("in state APIVERSION_QUERY")
}

fn is_of_certificate(reason: &str) -> bool {
    ["certificate verify failed", "verify broker certificate", "0A000086"].iter().any(|words| reason.contains(words))
}

/// What a broker may have made up, so that it can be shown: on one line, of a length that can be read, and without the
/// secrets that it was told.
pub(crate) fn plain(reason: &str, properties: &Properties) -> String {
    // Behind it stands for how long the connection was in which state, which differs each time.
    let reason = reason.rsplit_once(" (after ").map_or(reason, |(reason, _)| reason);
    let in_force = properties.in_force();
    let secrets = SECRETS.iter().filter_map(|name| in_force.get(*name)).filter(|secret| secret.len() >= 4);
    let reason = secrets.fold(reason.to_owned(), |reason, secret| reason.replace(secret.as_str(), REDACTED));
    let mut line = Vec::with_capacity(reason.len());
    escape_line(&reason, &mut line);
    let line = String::from_utf8_lossy(&line);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties() -> Properties {
        Properties::new([("sasl.password".to_owned(), "grain".to_owned())].into(), None)
    }

    #[test]
    fn what_is_wrong_is_told_with_the_property_to_look_at() {
        let told = |code, reason| explain(code, reason, &properties()).unwrap_or_default();
        let text = told(
            Code::Authentication,
            "sasl_ssl://b:1/1: SASL authentication error: Authentication failed (after 5ms in state AUTH_REQ)",
        );
        assert!(text.starts_with("sasl_ssl://b:1/1: SASL authentication error: Authentication failed; "), "{text}");
        assert!(text.contains("`sasl.password`"), "{text}");
        let text = told(Code::Authentication, "SASL X mechanism handshake failed: Unsupported SASL mechanism");
        assert!(text.contains("`sasl.mechanism`: "), "{text}");
        let text = told(Code::SSL, "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed");
        assert!(text.contains("`ssl.ca.location`"), "{text}");
        let text = told(Code::BrokerTransportFailure, "error:0A00045C:SSL routines::tlsv13 alert certificate required");
        assert!(text.contains("`ssl.certificate.location`"), "{text}");
        let text = told(Code::BrokerTransportFailure, "Disconnected: incorrect security.protocol configuration");
        assert!(text.contains("`security.protocol`"), "{text}");
        let text = told(
            Code::BrokerTransportFailure,
            "b:1/bootstrap: Disconnected: connection reset by peer (after 0ms in state APIVERSION_QUERY)",
        );
        assert!(
            text.starts_with("b:1/bootstrap: Disconnected: connection reset by peer; see `security.protocol`"),
            "{text}"
        );
        let turned_away = |after| {
            let reason = format!("b:1/1: Disconnected: connection closed by peer (after {after}ms in state UP)");
            explain(Code::BrokerTransportFailure, &reason, &properties())
        };
        assert!(turned_away(4).is_some_and(|text| text.contains("wants a login")));
        assert_eq!(turned_away(60_000), None);
    }

    #[test]
    fn a_refused_token_is_not_told_as_a_wrong_password() {
        for name in ["sasl.mechanism", "sasl.mechanisms"] {
            let properties = Properties::new([(name.to_owned(), "OAUTHBEARER".to_owned())].into(), None);
            let told = |reason| explain(Code::Authentication, reason, &properties).unwrap_or_default();
            let text = told(r#"SASL authentication error: {"status":"invalid_token"}"#);
            assert!(text.contains("do not take the token"), "{text}");
            let text = told("SASL OAUTHBEARER mechanism handshake failed: Unsupported SASL mechanism");
            assert!(text.contains("see `sasl.mechanism`"), "{text}");
            let text = told(
                "SASL OAUTHBEARER mechanism handshake failed: Broker: Request not valid in current SASL state: broker's supported mechanisms: ",
            );
            assert!(text.contains("takes no login"), "{text}");
        }
    }

    #[test]
    fn a_broker_that_is_down_keeps_nobody_out() {
        assert_eq!(explain(Code::BrokerTransportFailure, "Connection refused", &properties()), None);
        assert_eq!(explain(Code::AllBrokersDown, "1/1 brokers are down", &properties()), None);
        let slow =
            "SASL PLAIN mechanism handshake failed: Local: Timed out in queue: broker's supported mechanisms: (n/a)";
        assert_eq!(explain(Code::Authentication, slow, &properties()), None);
        let ended = "SASL OAUTHBEARER mechanism handshake failed: Local: Broker transport failure: broker's supported mechanisms: (n/a)";
        assert_eq!(explain(Code::Authentication, ended, &properties()), None);
    }

    #[test]
    fn a_broker_can_neither_tell_a_secret_nor_write_a_line_of_its_own() {
        let text = plain("your password is grain\n[2026] INFO all is well", &properties());
        assert_eq!(text, "your password is (redacted)\\n[2026] INFO all is well");
        assert!(plain(&"long".repeat(1000), &properties()).chars().count() <= LONGEST + 1);
    }
}
