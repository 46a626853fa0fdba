//! What a token endpoint answers (RFC 6749, 5.1 and 5.2), and what a token says of itself (RFC 7519).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use thiserror::Error;

/// A bearer token, as it goes to brokers. Not to be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    pub value: String,
    /// Whom it names: its `sub`, or the client that asked for it.
    pub principal: String,
    /// Since 1970.
    pub expires_at: Duration,
}

/// Why an answer holds no token to use. Nothing of the token is told.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
    #[error("the answer is not a JSON object: is it the address of a token endpoint?")]
    NotAnObject,
    #[error("the answer has no `access_token`: is it the address of a token endpoint?")]
    NoToken,
    #[error("the token is of the type `{0}`, and brokers take `Bearer` (RFC 6750)")]
    NotABearer(String),
    #[error("the token holds letters that no bearer token may hold (RFC 6750, 2.1)")]
    Letters,
    #[error("neither `expires_in` nor an `exp` in the token says how long it is valid")]
    NoLifetime,
    #[error("the token expired {} s ago, as this machine's clock has it: do the clocks agree?", .0.as_secs())]
    Expired(Duration),
}

/// The token in an answer that came at `now`, counted from 1970, for a client that asked as `client_id`. Its signature is
/// not looked at: that is for the brokers.
pub fn parse(answer: &[u8], now: Duration, client_id: &str) -> Result<AccessToken, AnswerError> {
    let answer: Value = serde_json::from_slice(answer).map_err(|_| AnswerError::NotAnObject)?;
    let answer = answer.as_object().ok_or(AnswerError::NotAnObject)?;
    let value = answer.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
    let value = value.ok_or(AnswerError::NoToken)?;
    if let Some(kind) = answer.get("token_type").and_then(Value::as_str)
        && !kind.eq_ignore_ascii_case("bearer")
    {
        return Err(AnswerError::NotABearer(shortened(kind)));
    }
    if !value.bytes().all(is_of_token) {
        return Err(AnswerError::Letters);
    }
    let claims = claims(value).unwrap_or(Value::Null);
    let expires_in = answer.get("expires_in").and_then(seconds).map(|lifetime| now.saturating_add(lifetime));
    // Brokers go by what the token says.
    let expires_at = match (expires_in, claims.get("exp").and_then(seconds)) {
        (Some(one), Some(other)) => one.min(other),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return Err(AnswerError::NoLifetime),
    };
    if expires_at <= now {
        return Err(AnswerError::Expired(now - expires_at));
    }
    let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| is_principal(subject));
    Ok(AccessToken { value: value.to_owned(), principal: subject.unwrap_or(client_id).to_owned(), expires_at })
}

/// What an endpoint says of why it gives no token: its `error`, with its `error_description`.
pub fn refusal(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let text = |key: &str| answer.get(key).and_then(Value::as_str).map(shortened).filter(|text| !text.is_empty());
    Some(match (text("error")?, text("error_description")) {
        (error, Some(description)) => format!("`{error}` ({description})"),
        (error, None) => format!("`{error}`"),
    })
}

/// How long to wait from `now` before the next one is fetched: four fifths of what is left of this one's time, as
/// librdkafka does it.
pub fn fetch_after(now: Duration, expires_at: Duration) -> Duration {
    expires_at.saturating_sub(now).mul_f64(0.8)
}

/// `sub` and `exp` are within, if it is a JWT at all: to us a token may be anything.
fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()
}

/// As a number, or as a text of one, which some endpoints write.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::String(text) => text.trim().parse().ok()?,
        other => other.as_f64()?,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// `b64token` of RFC 6750.
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// librdkafka takes texts of C.
fn is_principal(text: &str) -> bool {
    !text.is_empty() && !text.contains('\0')
}

/// A line of what others wrote, for a log.
fn shortened(text: &str) -> String {
    const MOST: usize = 200;
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MOST).collect()
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { principal, expires_at, .. } = self;
        out.debug_struct("AccessToken")
            .field("principal", principal)
            .field("expires_at", expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn jwt(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({ "alg": "RS256" })), part(claims))
    }

    fn parsed(answer: &Value) -> Result<AccessToken, AnswerError> {
        parse(answer.to_string().as_bytes(), NOW, "client")
    }

    #[test]
    fn a_jwt_says_whom_it_names_and_the_earlier_end_counts() {
        let exp = NOW.as_secs() + 300;
        let token = jwt(&json!({ "sub": "mill", "exp": exp }));
        let found = parsed(&json!({ "access_token": token, "token_type": "bearer", "expires_in": 3600 }));
        let expected = AccessToken { value: token, principal: "mill".into(), expires_at: Duration::from_secs(exp) };
        assert_eq!(found, Ok(expected));
    }

    #[test]
    fn a_token_that_is_no_jwt_is_that_of_the_client() {
        for expires_in in [json!(60), json!("60"), json!(60.0)] {
            let found = parsed(&json!({ "access_token": "opaque", "expires_in": expires_in }));
            let expires_at = NOW + Duration::from_secs(60);
            assert_eq!(found, Ok(AccessToken { value: "opaque".into(), principal: "client".into(), expires_at }));
        }
    }

    #[test]
    fn what_is_no_token_to_use_says_why() {
        let late = jwt(&json!({ "exp": NOW.as_secs() - 5 }));
        for (answer, error) in [
            (json!([]), AnswerError::NotAnObject),
            (json!({ "token": "x" }), AnswerError::NoToken),
            (json!({ "access_token": "" }), AnswerError::NoToken),
            (json!({ "access_token": "x", "token_type": "mac" }), AnswerError::NotABearer("mac".into())),
            (json!({ "access_token": "a b", "expires_in": 1 }), AnswerError::Letters),
            (json!({ "access_token": "x" }), AnswerError::NoLifetime),
            (json!({ "access_token": "x", "expires_in": -1 }), AnswerError::NoLifetime),
            (json!({ "access_token": "x", "expires_in": 0 }), AnswerError::Expired(Duration::ZERO)),
            (json!({ "access_token": late, "expires_in": 60 }), AnswerError::Expired(Duration::from_secs(5))),
        ] {
            assert_eq!(parsed(&answer), Err(error), "{answer}");
        }
        assert_eq!(parse(b"<html>", NOW, "c"), Err(AnswerError::NotAnObject));
    }

    #[test]
    fn a_refusal_is_told_in_one_line() {
        let answer = json!({ "error": "invalid_client", "error_description": "no\nsuch client" }).to_string();
        assert_eq!(refusal(answer.as_bytes()).as_deref(), Some("`invalid_client` (no such client)"));
        assert_eq!(refusal(b"{\"error\":\"x\"}").as_deref(), Some("`x`"));
        assert_eq!((refusal(b"<html>"), refusal(b"{}")), (None, None));
    }

    proptest! {
        #[test]
        fn no_answer_ends_it(answer in proptest::collection::vec(any::<u8>(), 0..200), now in any::<u32>()) {
            let _ = (parse(&answer, Duration::from_secs(now.into()), "c"), refusal(&answer));
        }

        #[test]
        fn a_token_is_never_found_expired_and_fetched_again_in_time(
            lifetime in -1e9..1e12f64, exp in proptest::option::of(-1e9..1e12f64), now in 0u32..
        ) {
            let now = Duration::from_secs(now.into());
            let token = exp.map_or("opaque".to_owned(), |exp| jwt(&json!({ "exp": exp })));
            let answer = json!({ "access_token": token, "expires_in": lifetime }).to_string();
            if let Ok(token) = parse(answer.as_bytes(), now, "c") {
                prop_assert!(token.expires_at > now);
                prop_assert!(now + fetch_after(now, token.expires_at) <= token.expires_at);
            }
        }

        #[test]
        fn nothing_of_a_token_is_shown(secret in "[a-z]{12}") {
            let found = parsed(&json!({ "access_token": secret, "expires_in": 60 })).expect("a token");
            let shown = format!("{found:?}");
            prop_assert!(!shown.contains(&secret));
        }
    }
}
