//! The thread that keeps credentials up to date, for as long as anybody has them.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use stampmill_core::access_token::fetch_after;
use stampmill_core::repeats::Complaints;

use super::oidc::{Client, Oidc};
use super::{Credentials, since_1970};
use crate::supervise::Backoff;

/// Files are read and compared, for what mounts them swaps whole folders.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
const BETWEEN_COMPLAINTS: Duration = Duration::from_secs(10);
/// A token that brokers refuse is replaced no sooner after it came: they may refuse each.
const SHORTEST_USE: Duration = Duration::from_secs(5);

struct Keeper {
    client: Client,
    /// When the next token is to be fetched.
    due: Instant,
    /// When a token was asked for last.
    asked: Option<Instant>,
    backoff: Backoff,
    fetched: u64,
    /// The last try failed with this as the client's secret, and another is tried at once.
    failed_with: Option<Option<String>>,
    complaints: Complaints,
}

/// It ends by itself when the credentials are dropped.
pub(super) fn start(credentials: &Arc<Credentials>) -> std::io::Result<()> {
    let (kept, name) = (Arc::downgrade(credentials), format!("credentials {}", credentials.name()));
    std::thread::Builder::new().name(name).spawn(move || Keeper::new().run(&kept)).map(drop)
}

// === impl Keeper ===

impl Keeper {
    fn new() -> Self {
        Self {
            client: Client::default(),
            due: Instant::now(),
            asked: None,
            backoff: Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE),
            fetched: 0,
            failed_with: None,
            complaints: Complaints::new(BETWEEN_COMPLAINTS),
        }
    }

    fn run(mut self, credentials: &Weak<Credentials>) {
        loop {
            let Some(kept) = credentials.upgrade() else { return };
            kept.look();
            let wait = kept.settings.oidc.as_ref().map_or(BETWEEN_LOOKS, |oidc| self.fetch_if_due(&kept, oidc));
            // Whoever drops them last must not wait for this thread.
            drop(kept);
            std::thread::park_timeout(wait);
        }
    }

    /// Says when to look again.
    fn fetch_if_due(&mut self, credentials: &Credentials, oidc: &Oidc) -> Duration {
        let is_mended = self.failed_with.as_ref().is_some_and(|secret| *secret != oidc.client_secret.read().ok());
        let is_refused =
            credentials.is_token_refused() && self.asked.is_none_or(|asked| asked.elapsed() >= SHORTEST_USE);
        if is_refused {
            log::info!("connection `{}`: brokers refuse its token, so another is asked for", credentials.name());
        }
        if Instant::now() >= self.due || is_mended || is_refused {
            self.asked = Some(Instant::now());
            self.fetch(credentials, oidc);
        }
        self.due.saturating_duration_since(Instant::now()).min(BETWEEN_LOOKS)
    }

    fn fetch(&mut self, credentials: &Credentials, oidc: &Oidc) {
        let (name, secret) = (credentials.name(), oidc.client_secret.read().ok());
        match self.client.fetch(oidc) {
            Ok(token) => {
                self.fetched += 1;
                let after = fetch_after(since_1970(), token.expires_at);
                self.due = Instant::now() + after;
                let valid = token.expires_at.saturating_sub(since_1970()).as_secs();
                let was_without = self.failed_with.take().is_some() || self.fetched == 1;
                let level = if was_without { log::Level::Info } else { log::Level::Debug };
                log::log!(level, "connection `{name}`: a token for `{}`, valid for {valid} s", token.principal);
                credentials.take_token(oidc, token);
            }
            Err(reason) => {
                let pause = self.backoff.next(self.fetched);
                self.due = Instant::now() + pause;
                if let Some(left_out) = self.complaints.admit(&reason, Instant::now()) {
                    log::warn!("connection `{name}`: no token from `{}`: {reason}{left_out}", oidc.endpoint);
                }
                self.failed_with = Some(secret);
                credentials.take_refusal(reason);
            }
        }
    }
}
