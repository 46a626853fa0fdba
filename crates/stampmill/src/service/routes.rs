//! Paths with the methods that they take, and what is said of others.

use actix_web::web::{self, ServiceConfig};
use actix_web::{Handler, HttpResponse, Resource, Responder, Route, guard};

use super::problem::Problem;

const GET: &str = "GET, HEAD";
const POST: &str = "POST";
const BOTH: &str = "GET, HEAD, POST";

fn read<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler)
}

pub(super) fn get<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    others(web::resource(path).route(read(handler)), GET)
}

pub(super) fn post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    others(web::resource(path).route(web::post().to(handler)), POST)
}

pub(super) fn get_and_post<F, Args, G, GArgs>(path: &str, reads: F, writes: G) -> Resource
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
    G: Handler<GArgs>,
    GArgs: actix_web::FromRequest + 'static,
    G::Output: Responder + 'static,
{
    others(web::resource(path).route(read(reads)).route(web::post().to(writes)), BOTH)
}

fn others(resource: Resource, allowed: &'static str) -> Resource {
    resource.default_service(web::to(move || async move { Err::<HttpResponse, _>(Problem::Method { allowed }) }))
}

pub(super) async fn no_path() -> Result<HttpResponse, Problem> {
    Err(Problem::NoPath)
}

pub(super) fn add(app: &mut ServiceConfig, resources: impl IntoIterator<Item = Resource>) {
    for resource in resources {
        app.service(resource);
    }
}
