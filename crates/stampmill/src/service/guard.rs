//! Who may look and who may steer.
//!
//! A page of another site must not be able to do either by a browser that can reach this listener: it can send requests
//! under a name of its own that leads here (`Host`), or to our name from its own (`Origin`). To change something takes a
//! token, always; where others than this machine can reach the listener, so does looking.

use std::net::IpAddr;

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, ORIGIN};
use actix_web::http::uri::Authority;
use actix_web::middleware::Next;
use actix_web::web::Data;
use subtle::ConstantTimeEq;

use super::audit::{Entry, short};
use super::page;
use super::problem::Problem;
use crate::config::{Admin, Token};

pub(super) async fn guard<B: MessageBody + 'static>(
    admin: Data<Admin>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let entry = (request.method() == Method::POST).then(|| Entry::open(&request));
    let response = match admit(&admin, &request) {
        Ok(()) => next.call(request).await?.map_into_left_body(),
        Err(problem) => request.error_response(problem).map_into_right_body(),
    };
    if let Some(entry) = entry {
        entry.close(&response);
    }
    Ok(response)
}

fn admit(admin: &Admin, request: &ServiceRequest) -> Result<(), Problem> {
    let headers = request.headers();
    let host = text(headers, &HOST);
    if !is_ours(admin, host) {
        return Err(Problem::Host(short(host)));
    }
    if headers.contains_key(ORIGIN) {
        let origin = text(headers, &ORIGIN);
        let site = origin.split_once("://").map_or("", |(_, site)| site);
        if !site.eq_ignore_ascii_case(host) {
            return Err(Problem::Origin(short(origin)));
        }
    }
    let is_loopback = admin.listen.ip().is_loopback();
    let steers = request.method() == Method::POST;
    // A path may be written in several ways, so what is not surely of the page is of the pipelines.
    let is_page = page::is_of_it(request.path());
    match &admin.token {
        Some(token) if steers || (!is_page && !is_loopback) => check(token, headers),
        None if steers => Err(Problem::TokenUnset),
        _ => Ok(()),
    }
}

/// Empty where it is not there, or no text.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// With any port: it may be forwarded from another. No name of another site leads to an address as such, so a listener on
/// all addresses of the machine may be called by any.
fn is_ours(admin: &Admin, host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let is_own = |ip: IpAddr| ip.is_loopback() || ip == admin.listen.ip() || admin.listen.ip().is_unspecified();
    name == "localhost" || name.parse().is_ok_and(is_own) || admin.allowed_hosts.contains(&name)
}

fn check(token: &Token, headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    let (scheme, given) = given.split_at_checked(b"Bearer ".len()).unwrap_or_default();
    let is_it = scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(given.ct_eq(token.as_bytes()));
    if is_it { Ok(()) } else { Err(Problem::NoToken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admin(listen: &str) -> Admin {
        let allowed_hosts = vec!["mill.example.org".to_owned()];
        Admin { listen: listen.parse().expect("an address"), token: None, allowed_hosts }
    }

    #[test]
    fn names_of_other_sites_are_not_ours() {
        let admin_here = admin("127.0.0.1:9600");
        for ours in ["localhost", "LOCALHOST:1", "127.0.0.1:9600", "127.0.0.5", "[::1]:9600", "Mill.example.org:80"] {
            assert!(is_ours(&admin_here, ours), "{ours}");
        }
        for other in ["", "evil.org", "localhost.evil.org", "10.0.0.1:9600", "mill.example.org.evil.org", "a b", "[::1"]
        {
            assert!(!is_ours(&admin_here, other), "{other}");
        }
        assert!(is_ours(&admin("10.0.0.1:9600"), "10.0.0.1:9600"));
        assert!(!is_ours(&admin("10.0.0.1:9600"), "10.0.0.2:9600"));
        assert!(is_ours(&admin("0.0.0.0:9600"), "10.0.0.2:9600") && !is_ours(&admin("0.0.0.0:9600"), "evil.org"));
    }

    #[test]
    fn only_the_token_is_the_token() {
        let token = Token::new("t0ken");
        let given = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().expect("a header"));
            check(&token, &headers).is_ok()
        };
        assert!(given("Bearer t0ken") && given("bearer t0ken"));
        for wrong in ["", "t0ken", "Bearer", "Bearer ", "Bearer t0ke", "Bearer t0ken ", "Bearer t0kenn", "Basic t0ken"]
        {
            assert!(!given(wrong), "{wrong}");
        }
        assert!(check(&token, &HeaderMap::new()).is_err());
    }
}
