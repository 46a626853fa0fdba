//! How the clients of a connection prove who they are, where that changes while they live: tokens that expire, and
//! passwords and certificates in files.
//!
//! A thread of its own fetches tokens and looks at files ([`keeper`]). What is new goes to all living clients at once
//! ([`LiveClients`]), on that thread; only other certificates need new clients, and a control thread that sees another
//! [`Credentials::certificates`] than it began with begins anew.

mod keeper;
mod material;
mod oidc;
mod secret;
#[cfg(test)]
mod tests;
mod validity;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stampmill_core::access_token::AccessToken;

use self::material::Material;
pub use self::material::MaterialSettings;
pub use self::oidc::{Oidc, Trust};
pub use self::secret::{Piece, Secret};
use crate::kafka::ffi::LiveClients;

/// What of a connection changes while it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialSettings {
    /// The connection's name.
    pub connection: String,
    /// `sasl.username` and `sasl.password`, if one of them is from a file.
    pub login: Option<(Secret, Secret)>,
    pub oidc: Option<Oidc>,
    pub material: MaterialSettings,
}

/// Why a new client could not prove who it is, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unready {
    /// There is no answer yet.
    Waiting(String),
    Refused(String),
}

/// For a token endpoint to answer, however it does.
pub(crate) const FIRST_TRY: Duration = Duration::from_secs(15);

/// Connections last as long as their token, and are proven anew at nine tenths of what is left (librdkafka): in these
/// seconds more often than once in one.
const ENDING: Duration = Duration::from_secs(2);

/// Those of one connection, shared by whoever uses it.
pub struct Credentials {
    settings: CredentialSettings,
    state: Mutex<State>,
    /// A token came, or the reason why none does.
    moved: Condvar,
    clients: LiveClients,
    /// The thread that keeps them up to date, from the first use on.
    keeper: OnceLock<()>,
}

#[derive(Default)]
struct State {
    token: Option<AccessToken>,
    /// Brokers have refused it, or one before it just now.
    is_token_refused: bool,
    /// Why the last try brought no token.
    no_token: Option<String>,
    /// User and password as they were read last.
    login: Option<(String, String)>,
    material: Material,
}

// === impl CredentialSettings ===

impl CredentialSettings {
    /// Whether there is anything that changes.
    pub fn is_empty(&self) -> bool {
        self.login.is_none() && self.oidc.is_none() && self.material.is_empty()
    }
}

// === impl Credentials ===

impl Credentials {
    /// Nothing is read or fetched before the first use.
    pub fn new(settings: CredentialSettings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            state: Mutex::default(),
            moved: Condvar::new(),
            clients: LiveClients::default(),
            keeper: OnceLock::new(),
        })
    }

    pub fn settings(&self) -> &CredentialSettings {
        &self.settings
    }

    /// Begins to keep them up to date, if nobody has yet.
    pub(crate) fn keep(self: &Arc<Self>) {
        self.keeper.get_or_init(|| {
            // So that no client is made by what its files held when the configuration was read.
            self.look();
            if let Err(error) = keeper::start(self) {
                log::error!("connection `{}`: no thread for its credentials: {error}", self.name());
            }
        });
    }

    /// Whether there is a token that has not expired, if one is needed.
    ///
    /// # Errors
    /// Why not, for people.
    pub(crate) fn has_token(&self) -> Result<(), String> {
        self.lock().has_token(self.settings.oidc.as_ref())
    }

    /// Whether there is a token that expires just now, or has: connections that it has let in have to prove it again within a
    /// second, and again.
    pub(crate) fn is_token_ending(&self) -> bool {
        let soon = since_1970() + ENDING;
        self.lock().token.as_ref().is_some_and(|token| token.expires_at <= soon)
    }

    /// Brokers do not take the token: its issuer may sign with other keys by now, or have taken it back. Another is asked for.
    pub(crate) fn refuse_token(&self) {
        self.lock().is_token_refused = true;
    }

    fn is_token_refused(&self) -> bool {
        self.lock().is_token_refused
    }

    /// Whom the token names, from where it is, and how long it is valid; `None` without one.
    pub(crate) fn token_shown(&self) -> Option<String> {
        let (oidc, state) = (self.settings.oidc.as_ref()?, self.lock());
        let token = state.token.as_ref()?;
        let valid = token.expires_at.saturating_sub(since_1970()).as_secs();
        Some(format!("for `{}` from `{}`, valid for {valid} s", token.principal, oidc.endpoint))
    }

    /// Waits for that long until a new client could prove who it is, or the first try has failed.
    pub(crate) fn await_first(self: &Arc<Self>, most: Duration) -> Result<(), Unready> {
        self.keep();
        let (oidc, deadline) = (self.settings.oidc.as_ref(), Instant::now() + most);
        let mut state = self.lock();
        loop {
            state.material.usable().map_err(Unready::Refused)?;
            let left = deadline.saturating_duration_since(Instant::now());
            match state.has_token(oidc) {
                Ok(()) => return Ok(()),
                Err(reason) if state.no_token.is_some() => return Err(Unready::Refused(reason)),
                Err(reason) if left.is_zero() => return Err(Unready::Waiting(reason)),
                Err(_) => state = self.moved.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            }
        }
    }

    /// Grows with each change of certificates or keys that was found good. Clients made before have the old ones.
    pub(crate) fn certificates(&self) -> u64 {
        self.lock().material.generation
    }

    /// What librdkafka is to be set to in place of what stands in the configuration.
    pub(crate) fn in_force(&self) -> BTreeMap<String, String> {
        let state = self.lock();
        let mut values = state.material.values.clone();
        if let Some((user, password)) = &state.login {
            values.insert("sasl.username".to_owned(), user.clone());
            values.insert("sasl.password".to_owned(), password.clone());
        }
        values
    }

    /// As the thread does each second, for whoever says that files have changed. Returns what has, for people.
    pub fn look_now(&self) -> Vec<&'static str> {
        let mut changed = self.look();
        // Certificates are seen twice before they are taken.
        changed.extend(self.look());
        changed
    }

    fn look(&self) -> Vec<&'static str> {
        let mut changed = Vec::new();
        if self.look_at_login() {
            changed.push("the user or the password");
        }
        if self.look_at_material() {
            changed.push("certificates or keys");
        }
        changed
    }

    fn look_at_login(&self) -> bool {
        let Some((user, password)) = &self.settings.login else { return false };
        let read = user.read().and_then(|user| Ok((user, password.read()?)));
        let (user, password) = match read {
            Ok(read) => read,
            // Files that are swapped are away for a moment; the old ones stay.
            Err(error) => {
                log::debug!("connection `{}`: {error}", self.name());
                return false;
            }
        };
        let mut state = self.lock();
        let is_first = state.login.is_none();
        if state.login.as_ref().is_some_and(|(old, former)| (old, former) == (&user, &password)) {
            return false;
        }
        let told = self.clients.set_login(&user, &password);
        state.login = Some((user, password));
        drop(state);
        match told {
            Ok(()) if is_first => {}
            Ok(()) => log::info!(
                "connection `{}`: its user or password has changed, and new connections log in with it",
                self.name()
            ),
            Err(reason) => log::error!("connection `{}`: its new user or password is no use: {reason}", self.name()),
        }
        !is_first
    }

    fn look_at_material(&self) -> bool {
        let settings = &self.settings.material;
        if settings.is_empty() {
            return false;
        }
        let seen = settings.read();
        let mut state = self.lock();
        state.material.take(seen, settings, self.name())
    }

    fn take_token(&self, oidc: &Oidc, token: AccessToken) {
        let mut state = self.lock();
        if let Err(reason) = self.clients.set_token(&token, &oidc.extensions) {
            log::error!("connection `{}`: a client does not take the token: {reason}", self.name());
        }
        (state.token, state.no_token, state.is_token_refused) = (Some(token), None, false);
        self.moved.notify_all();
    }

    fn take_refusal(&self, reason: String) {
        self.lock().no_token = Some(reason);
        self.moved.notify_all();
    }

    /// To be called with a client that was just made: it is told what there is, and of all that comes, without a gap.
    pub(crate) fn tell_new(&self, register: impl FnOnce(&LiveClients)) {
        let state = self.lock();
        register(&self.clients);
        if let (Some(oidc), Some(token)) = (&self.settings.oidc, &state.token)
            && let Err(reason) = self.clients.set_token(token, &oidc.extensions)
        {
            log::debug!("connection `{}`: the token is no use: {reason}", self.name());
        }
        if let Some((user, password)) = &state.login {
            let told = self.clients.set_login(user, password);
            debug_assert!(told.is_ok(), "it was told to others before");
        }
    }

    pub(crate) fn clients(&self) -> &LiveClients {
        &self.clients
    }

    fn name(&self) -> &str {
        &self.settings.connection
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credentials").field("connection", &self.name()).finish_non_exhaustive()
    }
}

// === impl State ===

impl State {
    fn has_token(&self, oidc: Option<&Oidc>) -> Result<(), String> {
        let Some(oidc) = oidc else { return Ok(()) };
        let token = self.token.as_ref();
        if token.is_some_and(|token| token.expires_at > since_1970()) {
            return Ok(());
        }
        let reason = self.no_token.as_deref().unwrap_or("it has not answered yet");
        let expired = if token.is_some() { "; the last one has expired" } else { "" };
        Err(format!("no token from `{}`: {reason}{expired}", oidc.endpoint))
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
