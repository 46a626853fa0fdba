//! Orders to a pipeline. Each is answered when it is carried out, with the pipeline as it is then.

use actix_web::HttpRequest;
use actix_web::web::{Json, block};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stampmill_engine::{Order, Place, Position};

use super::body::{Body, Nothing};
use super::pipelines::Named;
use super::views::Pipeline;
use crate::service::audit;
use crate::service::problem::Problem;

/// One partition, or all where neither is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    topic: Option<String>,
    partition: Option<i32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seek {
    topic: String,
    partition: i32,
    to: To,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum To {
    Beginning,
    End,
    Offset(i64),
    /// RFC 3339.
    Time(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Skip {
    topic: String,
    partition: i32,
    offset: i64,
}

#[derive(Serialize)]
pub(super) struct Done {
    pipeline: Pipeline,
}

type Answer = Result<Json<Done>, Problem>;

pub(super) async fn pause(request: HttpRequest, named: Named, body: Body<Which>) -> Answer {
    give(&request, named, Order::Pause(body.0.place()?)).await
}

pub(super) async fn resume(request: HttpRequest, named: Named, body: Body<Which>) -> Answer {
    give(&request, named, Order::Resume(body.0.place()?)).await
}

pub(super) async fn drain(request: HttpRequest, named: Named, _: Body<Nothing>) -> Answer {
    give(&request, named, Order::Drain).await
}

pub(super) async fn seek(request: HttpRequest, named: Named, body: Body<Seek>) -> Answer {
    let Seek { topic, partition, to } = body.0;
    give(&request, named, Order::Seek { place: Place { topic, partition }, to: to.position()? }).await
}

pub(super) async fn skip(request: HttpRequest, named: Named, body: Body<Skip>) -> Answer {
    let Skip { topic, partition, offset } = body.0;
    give(&request, named, Order::Skip { place: Place { topic, partition }, offset }).await
}

async fn give(request: &HttpRequest, named: Named, order: Order) -> Answer {
    audit::say(request, &order.to_string());
    let steer = named.steer.clone();
    // Blocking threads are gone only with the listener.
    block(move || steer.give(order)).await.map_err(|_| Problem::Stopping)??;
    Ok(Json(Done { pipeline: named.view() }))
}

// === impl Which ===

impl Which {
    fn place(self) -> Result<Option<Place>, Problem> {
        match (self.topic, self.partition) {
            (Some(topic), Some(partition)) => Ok(Some(Place { topic, partition })),
            (None, None) => Ok(None),
            _ => Err(Problem::Body("give both `topic` and `partition`, or neither for all".to_owned())),
        }
    }
}

// === impl To ===

impl To {
    fn position(self) -> Result<Position, Problem> {
        match self {
            Self::Beginning => Ok(Position::Beginning),
            Self::End => Ok(Position::End),
            Self::Offset(offset) => Ok(Position::Offset(offset)),
            Self::Time(text) => match text.parse::<Timestamp>() {
                Ok(time) => Ok(Position::Time(time.as_millisecond())),
                Err(error) => {
                    Err(Problem::Body(format!("`to.time` is no time: {error}; write it as in `2026-11-27T08:00:00Z`")))
                }
            },
        }
    }
}
