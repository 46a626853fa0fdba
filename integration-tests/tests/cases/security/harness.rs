//! That the broker of these tests asks indeed: or what they show would be worth nothing.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use integration_tests::eventually::eventually;
use integration_tests::secured::{Door, PASSWORD, Secured, USER};
use integration_tests::tokens::Issuer;
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};

use crate::kafka::Kafka;

/// Whether somebody with these properties is answered.
fn is_let_in(secured: &Secured, door: Door, properties: &str) -> bool {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", secured.address(door).to_string()).set_log_level(RDKafkaLogLevel::Critical);
    for (name, value) in properties.lines().filter_map(|line| line.split_once(": ")) {
        config.set(name, value);
    }
    let consumer: BaseConsumer = config.create().expect("a consumer");
    consumer.fetch_metadata(None, Duration::from_secs(3)).is_ok()
}

/// By every mechanism, those who prove who they are come in, and nobody else.
pub(crate) fn it_asks_everybody(kafka: &Kafka) {
    let secured = kafka.secured();
    let let_in =
        |door, properties: &str| eventually("to be let in", || is_let_in(&secured, door, properties).then_some(()));
    let trust = format!("security.protocol: SSL\nssl.ca.location: {}\n", secured.authority.file().display());
    let_in(Door::Mutual, &secured.mutual());
    assert!(!is_let_in(&secured, Door::Mutual, &trust), "without a certificate");
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let_in(Door::Sasl, &secured.sasl(mechanism, USER, PASSWORD));
        let_in(Door::Reauth, &secured.sasl(mechanism, USER, PASSWORD));
        assert!(!is_let_in(&secured, Door::Sasl, &secured.sasl(mechanism, USER, "another")), "{mechanism}");
    }
    secured.set_scram("SCRAM-SHA-512", "guest", "bread").expect("a user is made");
    let_in(Door::Sasl, &secured.sasl("SCRAM-SHA-512", "guest", "bread"));
    secured.delete_scram("SCRAM-SHA-512", "guest").expect("the user is gone");
    eventually("the user to be forgotten", || {
        (!is_let_in(&secured, Door::Sasl, &secured.sasl("SCRAM-SHA-512", "guest", "bread"))).then_some(())
    });
    by_token(&secured);
}

/// A token is taken as long as it lasts, if it is for this broker and of the right issuer.
fn by_token(secured: &Secured) {
    const HOUR: Duration = Duration::from_secs(3600);
    let good = Issuer::claims(USER, HOUR);
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let signed = |claims| secured.issuer.sign(&claims).expect("a token");
    eventually("a token to be taken", || takes_token(secured, &signed(good.clone())).then_some(()));
    let stranger = Issuer::make().and_then(|issuer| issuer.sign(&good)).expect("a token");
    for (what, token) in [
        ("over", signed(with("exp", 1_000_000_000.into()))),
        ("for others", signed(with("aud", "others".into()))),
        ("of another issuer", signed(with("iss", "https://stranger.test".into()))),
        ("signed by a stranger", stranger),
    ] {
        assert!(!takes_token(secured, &token), "a token that is {what}");
    }
}

/// librdkafka asks it for a token.
struct Bearer(String);

impl ClientContext for Bearer {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let in_an_hour = SystemTime::now().duration_since(UNIX_EPOCH)? + Duration::from_secs(3600);
        let lifetime_ms = i64::try_from(in_an_hour.as_millis())?;
        Ok(OAuthToken { token: self.0.clone(), principal_name: USER.into(), lifetime_ms })
    }
}

impl ConsumerContext for Bearer {}

fn takes_token(secured: &Secured, token: &str) -> bool {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", secured.address(Door::Sasl).to_string());
    config.set("security.protocol", "SASL_SSL").set("sasl.mechanism", "OAUTHBEARER");
    config.set("ssl.ca.location", secured.authority.file().display().to_string());
    config.set_log_level(RDKafkaLogLevel::Critical);
    let consumer: BaseConsumer<Bearer> = config.create_with_context(Bearer(token.to_owned())).expect("a consumer");
    // The token is asked for while it polls.
    drop(consumer.poll(Duration::from_millis(100)));
    consumer.fetch_metadata(None, Duration::from_secs(3)).is_ok()
}
