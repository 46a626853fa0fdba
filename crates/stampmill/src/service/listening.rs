//! The two listeners: bound before anything else starts, served when there is something to show.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::KeepAlive;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, HttpServer};

use super::{Service, admin, probes};
use crate::config::{Admin, Listeners};

/// Addresses that are ours, at which nobody answers yet.
pub(crate) struct Listening {
    probes: Option<TcpListener>,
    admin: Option<(TcpListener, Admin)>,
}

/// Listeners at which requests are answered.
pub(crate) struct Serving(Vec<ServerHandle>);

#[derive(Debug, thiserror::Error)]
#[error(
    "`{key}`: {address} cannot be listened on: {fault}; give it an address of this machine and a port that is free, or `off`"
)]
pub(crate) struct ListenError {
    key: &'static str,
    address: SocketAddr,
    fault: std::io::Error,
}

/// For the head of a request. Bodies have their own ([`super::api`]).
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Of each listener; whoever comes beyond that waits.
const CONNECTIONS: usize = 128;
/// Orders that are being carried out at a time; those beyond wait.
const BLOCKING_THREADS: usize = 8;

// === impl Listening ===

impl Listening {
    /// # Errors
    /// An address that another program has, or that is not of this machine.
    pub(crate) fn bind(listeners: &Listeners) -> Result<Self, ListenError> {
        let probes = listeners.probes.map(|address| bind("probes.listen", address)).transpose()?;
        let admin = match &listeners.admin {
            Some(admin) => Some((bind("admin.listen", admin.listen)?, admin.clone())),
            None => None,
        };
        Ok(Self { probes, admin })
    }

    /// The page alone, to look at: at its usual port, or at any if that is taken.
    pub(crate) fn for_the_page() -> Result<Self, ListenError> {
        const PORT: u16 = 9600;
        let at = |port| {
            let admin = Admin { listen: (Ipv4Addr::LOCALHOST, port).into(), token: None, allowed_hosts: Vec::new() };
            Self::bind(&Listeners { probes: None, admin: Some(admin) })
        };
        at(PORT).or_else(|_taken| at(0))
    }

    /// Where the page is, if it is anywhere.
    pub(crate) fn page(&self) -> Option<SocketAddr> {
        self.admin.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    pub(crate) fn probes(&self) -> Option<SocketAddr> {
        self.probes.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Answers from now on, on threads of its own. An actix `System` must be current.
    pub(crate) fn serve(self, service: &Arc<Service>) -> std::io::Result<Serving> {
        if let Some(address) = self.probes() {
            log::info!("probes and metrics are at http://{address}");
        }
        if let Some(address) = self.page() {
            log::info!("the page and the API are at http://{address}");
        }
        let (mut serving, service) = (Serving(Vec::new()), Data::from(Arc::clone(service)));
        if let Some(listener) = self.probes {
            let service = service.clone();
            serving.0.push(serve(listener, move |app| probes::configure(app, &service))?);
        }
        if let Some((listener, admin)) = self.admin {
            let admin = Data::new(admin);
            serving.0.push(serve(listener, move |app| admin::configure(app, &service, &admin))?);
        }
        Ok(serving)
    }
}

fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).map_err(|fault| ListenError { key, address, fault })
}

fn serve(
    listener: TcpListener,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<ServerHandle> {
    let server = HttpServer::new(move || App::new().configure(configure.clone()))
        .workers(1)
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .max_connections(CONNECTIONS)
        // The time for a head counts for the first one of a connection only, so each has but one.
        .keep_alive(KeepAlive::Disabled)
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        // The pipelines are drained first.
        .disable_signals()
        .listen(listener)?
        .run();
    let handle = server.handle();
    actix_rt::spawn(async move {
        if let Err(error) = server.await {
            log::error!("a listener has ended: {error}");
        }
    });
    Ok(handle)
}

// === impl Serving ===

impl Serving {
    /// Whoever has asked last gets no answer.
    pub(crate) async fn stop(self) {
        for handle in self.0 {
            handle.stop(false).await;
        }
    }
}
