//! A line for each try to change something: who, what, and what came of it.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{HttpMessage, HttpRequest};

use crate::logging::AUDIT;

/// A request from its arrival to its answer.
pub(super) struct Entry {
    who: String,
    path: String,
    what: What,
    is_told: bool,
}

/// What a request asks for, in words; known when its body was read.
#[derive(Clone, Default)]
struct What(Rc<RefCell<String>>);

/// Says what the request asks for.
pub(super) fn say(request: &HttpRequest, what: &str) {
    if let Some(known) = request.extensions().get::<What>() {
        *known.0.borrow_mut() = format!(": {what}");
    }
}

/// As much of a text from outside as is worth telling.
pub(super) fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

// === impl Entry ===

impl Entry {
    pub(super) fn open(request: &ServiceRequest) -> Self {
        let who = request.peer_addr().map_or_else(|| "somebody".to_owned(), |peer| peer.to_string());
        let what = What::default();
        request.extensions_mut().insert(what.clone());
        Self { who, path: short(request.path()), what, is_told: false }
    }

    pub(super) fn close<B>(mut self, response: &ServiceResponse<B>) {
        self.is_told = true;
        let (request, code) = (self.request(), response.status().as_u16());
        match response.response().error() {
            None => log::info!(target: AUDIT, "{request}: done"),
            Some(error) => log::warn!(target: AUDIT, "{request}: refused with {code}: {error}"),
        }
    }

    fn request(&self) -> String {
        format!("{}: POST {}{}", self.who, self.path, self.what.0.borrow())
    }
}

/// An order that is on its way is carried out all the same.
impl Drop for Entry {
    fn drop(&mut self) {
        if !self.is_told {
            log::warn!(target: AUDIT, "{}: who asked has left before it was answered", self.request());
        }
    }
}
