//! The listener for people and their tools: the page, and the API behind it.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{self, Data, ServiceConfig};

use super::{Service, api, guard, page, routes};
use crate::config::Admin;

/// The page has no script, style or image but its own, and stands in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

pub(super) fn configure(app: &mut ServiceConfig, service: &Data<Service>, admin: &Data<Admin>) {
    let headers = DefaultHeaders::new()
        .add((CONTENT_SECURITY_POLICY, POLICY))
        .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((REFERRER_POLICY, "no-referrer"))
        // What the API shows is of the moment, and the page is as old as the program.
        .add((CACHE_CONTROL, "no-store"));
    app.app_data(service.clone()).app_data(admin.clone()).app_data(api::body_limits());
    let all = web::scope("")
        .configure(page::configure)
        .configure(api::configure)
        .default_service(web::to(routes::no_path))
        .wrap(from_fn(guard::guard))
        .wrap(headers);
    app.service(all);
}
