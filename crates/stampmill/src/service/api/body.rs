//! What comes with a request: JSON, not much of it, and soon.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_rt::time::timeout;
use actix_web::dev::Payload;
use actix_web::error::JsonPayloadError;
use actix_web::web::{Json, JsonConfig};
use actix_web::{Error, FromRequest, HttpRequest};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::service::problem::Problem;

/// A body, read within a time.
pub(super) struct Body<T>(pub(super) T);

/// `{}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

const LIMIT: usize = 64 << 10;
const TIMEOUT: Duration = Duration::from_secs(5);

pub(in super::super) fn body_limits() -> JsonConfig {
    JsonConfig::default().limit(LIMIT).error_handler(|error, _| problem(&error).into())
}

fn problem(error: &JsonPayloadError) -> Problem {
    match error {
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
            Problem::TooLarge { limit: LIMIT }
        }
        JsonPayloadError::ContentType => Problem::NotJson,
        JsonPayloadError::Deserialize(error) if error.is_eof() => {
            Problem::Body(format!("{error}; send an object, which is `{{}}` where nothing is to be said"))
        }
        JsonPayloadError::Deserialize(error) => Problem::Body(error.to_string()),
        other => Problem::Body(other.to_string()),
    }
}

// === impl Body ===

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = timeout(TIMEOUT, Json::<T>::from_request(request, payload));
        Box::pin(async move {
            match body.await {
                Ok(body) => Ok(Self(body?.into_inner())),
                Err(_elapsed) => Err(Problem::TooSlow { seconds: TIMEOUT.as_secs() }.into()),
            }
        })
    }
}
