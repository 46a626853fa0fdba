//! What is wrong with a request, and how that is told.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;
use stampmill_engine::OrderError;

use super::reload::ReloadError;

#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("there is nothing at this path; `/api/openapi.json` says what there is")]
    NoPath,
    #[error("the method is not for this path; those that are: {allowed}")]
    Method { allowed: &'static str },
    #[error("no pipeline `{name}`; those that run are {known}")]
    NoPipeline { name: String, known: String },
    #[error("the body cannot be used: {0}")]
    Body(String),
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body must be JSON: send `Content-Type: application/json`, and `{{}}` where nothing is to be said")]
    NotJson,
    #[error("the body did not come within {seconds} s")]
    TooSlow { seconds: u64 },

    #[error("send the token of `admin.token` as `Authorization: Bearer TOKEN`")]
    NoToken,
    #[error("set `admin.token` to steer anything: without one this can only be looked at")]
    TokenUnset,
    #[error("`Host: {0}` is not a name of this listener; if it is one, add it to `admin.allowed_hosts`")]
    Host(String),
    #[error("`Origin: {0}` is another site than this one")]
    Origin(String),

    #[error("{0}")]
    Order(#[from] OrderError),
    #[error("{0}")]
    Reload(#[from] ReloadError),
    #[error("{0}")]
    Filter(#[from] crate::logging::FilterError),
    #[error("the program is stopping")]
    Stopping,
    #[error("the metrics cannot be written: {0}")]
    Metrics(#[from] std::fmt::Error),
}

// === impl Problem ===

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Body(_) | Self::Filter(_) => StatusCode::BAD_REQUEST,
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::TokenUnset | Self::Host(_) | Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::NoPath | Self::NoPipeline { .. } | Self::Order(OrderError::NotAssigned(_)) => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Order(OrderError::NotRunning | OrderError::Kafka(_)) | Self::Stopping => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Order(_) | Self::Reload(_) => StatusCode::CONFLICT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Metrics(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::Method { allowed } => _ = response.insert_header((ALLOW, *allowed)),
            Self::NoToken => _ = response.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            _ => {}
        }
        let error = self.to_string();
        match self {
            Self::Reload(reload) => response.json(json!({ "error": error, "errors": reload.each() })),
            _ => response.json(json!({ "error": error })),
        }
    }
}
