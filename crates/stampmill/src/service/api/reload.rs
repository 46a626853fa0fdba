//! A reload of the configuration.

use actix_web::web::{Data, Json, block};

use super::body::{Body, Nothing};
use crate::service::Service;
use crate::service::problem::Problem;
use crate::service::reload::Reloaded;

pub(super) async fn reload(service: Data<Service>, _: Body<Nothing>) -> Result<Json<Reloaded>, Problem> {
    Ok(Json(block(move || service.reloader.reload()).await.map_err(|_| Problem::Stopping)??))
}
