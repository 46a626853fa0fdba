//! `/livez`, `/readyz` and `/metrics`: for machines, without a token and without anything of a record.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{self, Data, ServiceConfig};
use serde::Serialize;
use stampmill_engine::tables::TableStatus;
use stampmill_engine::{Health, Steer, Trouble};

use super::problem::Problem;
use super::{Service, metrics, routes};

#[derive(Serialize)]
struct Liveness {
    live: bool,
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    pipelines: Vec<Ready>,
}

#[derive(Serialize)]
struct Ready {
    name: String,
    ready: bool,
    health: &'static str,
    paused: bool,
    reasons: Vec<String>,
}

pub(super) fn configure(app: &mut ServiceConfig, service: &Data<Service>) {
    app.app_data(service.clone());
    routes::add(app, [routes::get("/livez", livez), routes::get("/readyz", readyz), routes::get("/metrics", metrics)]);
    app.default_service(web::to(routes::no_path));
}

/// Only a restart helps a pipeline that has failed for good.
async fn livez(service: Data<Service>) -> HttpResponse {
    let live = !service.steers().iter().any(|steer| steer.health().is_failed());
    HttpResponse::build(status(live)).json(Liveness { live })
}

async fn readyz(service: Data<Service>) -> HttpResponse {
    let pipelines: Vec<Ready> = service.steers().iter().map(|steer| steer.status()).map(ready).collect();
    let ready = pipelines.iter().all(|pipeline| pipeline.ready);
    HttpResponse::build(status(ready)).json(Readiness { ready, pipelines })
}

async fn metrics(service: Data<Service>) -> Result<HttpResponse, Problem> {
    let pipelines = service.steers().iter().map(|steer| (steer.status(), steer.timings().clone())).collect();
    let tables = tables(service.steers());
    let text = metrics::encode(service.reloader.generation(), service.started, pipelines, tables)?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, metrics::CONTENT_TYPE)).body(text))
}

/// In the order of their names. Pipelines share them, but for one that is read from a file anew between two looks.
fn tables(steers: &[Steer]) -> Vec<TableStatus> {
    let all = steers.iter().flat_map(Steer::tables).map(|table| (table.name.clone(), table));
    all.collect::<BTreeMap<_, _>>().into_values().collect()
}

fn status(is_well: bool) -> StatusCode {
    if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn ready(status: stampmill_engine::status::PipelineStatus) -> Ready {
    let reasons = reasons(&status.health);
    let (ready, health) = (status.health.is_ready(), status.health.as_str());
    Ready { name: status.name, ready, health, paused: status.paused, reasons }
}

/// Causes of failures stay in the log and behind the token: they may quote a record.
fn reasons(health: &Health) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match health {
        Health::Ready => Vec::new(),
        Health::Starting => one("waits for its brokers, its topics or its group"),
        Health::NotReady(troubles) => troubles.iter().map(Trouble::without_records).collect(),
        Health::Restarting { .. } => one("has failed and begins anew"),
        Health::Failed { .. } => one("has failed for good"),
        Health::Stopped => one("was told to stop"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_quote_no_record() {
        let (partition, reason) = ("in/3".to_owned(), "envelope[0]: got `s3cret`".to_owned());
        let halted =
            Trouble::Halted { partition: partition.clone(), offset: 7, class: "not-json", reason: reason.clone() };
        let breaker = Trouble::BreakerOpen { partition, offset: 8, reason };
        assert_eq!(
            reasons(&Health::NotReady(vec![halted, breaker])),
            ["in/3 has halted at offset 7: not-json", "in/3 pauses at offset 8, for too many records failed"]
        );
        let cause = "s3cret".to_owned();
        let others = [Health::Restarting { cause: cause.clone() }, Health::Failed { cause }, Health::Starting];
        for reasons in others.iter().map(reasons) {
            assert!(reasons.len() == 1 && !reasons[0].contains("s3cret"), "{reasons:?}");
        }
    }
}
