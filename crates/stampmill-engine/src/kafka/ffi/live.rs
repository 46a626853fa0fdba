//! Clients that can be told of new credentials for as long as they live, from any thread.

use std::ffi::{CStr, CString, c_char};
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::admin::AdminClient;
use rdkafka::bindings as rd;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::types::RDKafkaRespErr;
use stampmill_core::access_token::AccessToken;

use crate::credentials::Credentials;

/// A client, which its connection's credentials know of.
pub(crate) struct Live<T> {
    /// First, for fields are dropped in their order: what is not registered any more is not touched any more.
    _registration: Option<Registration>,
    client: T,
}

/// The clients that live.
#[derive(Default)]
pub(crate) struct LiveClients(Mutex<Vec<Handle>>);

/// Equal only to itself among those that live.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Handle(NonNull<rd::rd_kafka_t>);

struct Registration {
    credentials: Arc<Credentials>,
    handle: Handle,
}

// SAFETY: librdkafka's clients are locked within; any thread may call what is called here.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

/// Long enough for what librdkafka has to say.
const REASON: usize = 256;

// === impl Live ===

impl<C: ConsumerContext> Live<BaseConsumer<C>> {
    pub(crate) fn consumer(client: BaseConsumer<C>, credentials: Option<&Arc<Credentials>>) -> Self {
        let native = client.client().native_ptr();
        Self::new(client, native, credentials)
    }
}

impl<C: ProducerContext> Live<BaseProducer<C>> {
    pub(crate) fn producer(client: BaseProducer<C>, credentials: Option<&Arc<Credentials>>) -> Self {
        let native = client.client().native_ptr();
        Self::new(client, native, credentials)
    }
}

impl<C: ClientContext> Live<AdminClient<C>> {
    pub(crate) fn admin(client: AdminClient<C>, credentials: Option<&Arc<Credentials>>) -> Self {
        let native = client.inner().native_ptr();
        Self::new(client, native, credentials)
    }
}

impl<T> Live<T> {
    /// `native` is that of `client`, which destroys it when it is dropped, and nothing else does: so the handle is
    /// registered for no longer than it is live.
    fn new(client: T, native: *mut rd::rd_kafka_t, credentials: Option<&Arc<Credentials>>) -> Self {
        let registration = credentials.zip(NonNull::new(native)).map(|(credentials, native)| {
            let handle = Handle(native);
            credentials.tell_new(|clients| clients.lock().push(handle));
            Registration { credentials: Arc::clone(credentials), handle }
        });
        Self { _registration: registration, client }
    }
}

impl<T> Deref for Live<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.client
    }
}

impl Drop for Registration {
    /// Waits for whoever tells them something just now, which takes no time to speak of.
    fn drop(&mut self) {
        self.credentials.clients().lock().retain(|live| *live != self.handle);
    }
}

// === impl LiveClients ===

impl LiveClients {
    fn lock(&self) -> MutexGuard<'_, Vec<Handle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives all of them a token; connections take it up when they have to prove anew who they are. Says of how many that
    /// was refused, and why the last.
    pub(crate) fn set_token(&self, token: &AccessToken, extensions: &[(String, String)]) -> Result<(), String> {
        let text = |text: &str| CString::new(text).map_err(|_| "it holds a nought".to_owned());
        let (value, principal) = (text(&token.value)?, text(&token.principal)?);
        let pairs = extensions.iter().flat_map(|(name, value)| [text(name), text(value)]);
        let pairs: Vec<CString> = pairs.collect::<Result<_, _>>()?;
        let mut pairs: Vec<*const c_char> = pairs.iter().map(|text| text.as_ptr()).collect();
        let expires_at = i64::try_from(token.expires_at.as_millis()).unwrap_or(i64::MAX / 1_000);
        let mut refused = Ok(());
        for Handle(client) in self.lock().iter() {
            let mut reason: [c_char; REASON] = [0; REASON];
            // SAFETY: the client is live, for it is taken from the list, under the lock that is held here, before it is
            // destroyed. The texts end in noughts and are copied; the reason is written within its length, with a nought.
            let done = unsafe {
                rd::rd_kafka_oauthbearer_set_token(
                    client.as_ptr(),
                    value.as_ptr(),
                    expires_at,
                    principal.as_ptr(),
                    pairs.as_mut_ptr(),
                    pairs.len(),
                    reason.as_mut_ptr(),
                    REASON,
                )
            };
            if done != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                // SAFETY: as above.
                refused = Err(unsafe { CStr::from_ptr(reason.as_ptr()) }.to_string_lossy().into_owned());
            }
        }
        refused
    }

    /// Gives all of them a user and a password for their next connections; those that are open stay open.
    pub(crate) fn set_login(&self, user: &str, password: &str) -> Result<(), String> {
        let text = |text: &str| CString::new(text).map_err(|_| "it holds a nought".to_owned());
        let (user, password) = (text(user)?, text(password)?);
        for Handle(client) in self.lock().iter() {
            // SAFETY: the client is live, as above; both texts end in noughts and are copied. It refuses nothing but null.
            unsafe {
                let error = rd::rd_kafka_sasl_set_credentials(client.as_ptr(), user.as_ptr(), password.as_ptr());
                if !ptr::eq(error, ptr::null()) {
                    rd::rd_kafka_error_destroy(error);
                }
            }
        }
        Ok(())
    }
}
