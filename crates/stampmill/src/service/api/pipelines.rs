//! Pipelines to look at.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::{Data, Json};
use actix_web::{FromRequest, HttpRequest};
use stampmill_engine::Steer;

use super::views::{self, Actors, Partitions, Pipeline, Pipelines};
use crate::config::Secrets;
use crate::service::Service;
use crate::service::problem::Problem;

/// The pipeline that the path names.
pub(super) struct Named {
    pub(super) steer: Steer,
    pub(super) service: Data<Service>,
}

pub(super) async fn all(service: Data<Service>) -> Json<Pipelines> {
    let pipelines = service.steers().iter().map(|steer| view(steer, &service.secrets)).collect();
    Json(Pipelines::now(service.started, pipelines))
}

pub(super) async fn one(named: Named) -> Json<Pipeline> {
    Json(named.view())
}

pub(super) async fn partitions(named: Named) -> Json<Partitions> {
    Json(Partitions { partitions: named.view().partitions })
}

pub(super) async fn actors(named: Named) -> Json<Actors> {
    Json(Actors { actors: named.steer.status().actors.into_iter().map(views::actor).collect() })
}

fn view(steer: &Steer, secrets: &Secrets) -> Pipeline {
    views::pipeline(&steer.settings(), steer.status(), steer.tables(), secrets)
}

// === impl Named ===

impl Named {
    pub(super) fn view(&self) -> Pipeline {
        view(&self.steer, &self.service.secrets)
    }
}

impl FromRequest for Named {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(service) = request.app_data::<Data<Service>>() else { return ready(Err(Problem::NoPath)) };
        let name = request.match_info().get("name").unwrap_or_default();
        let steer = service.steers().iter().find(|steer| steer.name() == name);
        ready(match steer {
            Some(steer) => Ok(Self { steer: steer.clone(), service: service.clone() }),
            None => {
                let known = service.steers().iter().map(|steer| format!("`{}`", steer.name()));
                let known = known.collect::<Vec<_>>().join(", ");
                Err(Problem::NoPipeline { name: name.to_owned(), known })
            }
        })
    }
}
