//! `/api`: the pipelines as values, and what can be told them. `openapi.json` describes it.

mod body;
mod log_filter;
mod orders;
mod pipelines;
mod reload;
mod views;

use actix_web::HttpResponse;
use actix_web::web::ServiceConfig;

pub(super) use self::body::body_limits;
use super::routes::{add, get, get_and_post, post};

const OPENAPI: &str = include_str!("openapi.json");

pub(super) fn configure(app: &mut ServiceConfig) {
    add(
        app,
        [
            get("/api/openapi.json", openapi),
            get("/api/pipelines", pipelines::all),
            get("/api/pipelines/{name}", pipelines::one),
            get("/api/pipelines/{name}/partitions", pipelines::partitions),
            get("/api/pipelines/{name}/actors", pipelines::actors),
            post("/api/pipelines/{name}/pause", orders::pause),
            post("/api/pipelines/{name}/resume", orders::resume),
            post("/api/pipelines/{name}/drain", orders::drain),
            post("/api/pipelines/{name}/seek", orders::seek),
            post("/api/pipelines/{name}/skip", orders::skip),
            post("/api/reload", reload::reload),
            get_and_post("/api/log", log_filter::show, log_filter::change),
        ],
    );
}

async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(OPENAPI)
}
