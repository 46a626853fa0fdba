//! What is logged.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};

use super::body::Body;
use crate::service::Service;
use crate::service::audit;
use crate::service::problem::Problem;

/// In the syntax of `RUST_LOG`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    filter: String,
}

pub(super) async fn show(service: Data<Service>) -> Json<Filter> {
    Json(Filter { filter: service.filter.text() })
}

pub(super) async fn change(
    request: HttpRequest,
    service: Data<Service>,
    body: Body<Filter>,
) -> Result<Json<Filter>, Problem> {
    audit::say(&request, &format!("`{}`", body.0.filter));
    service.filter.change(&body.0.filter)?;
    Ok(Json(body.0))
}
