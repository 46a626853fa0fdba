//! The properties of librdkafka 2.12 that a text can set, from its CONFIGURATION.md: name, side, and for a second name
//! the first; and which of them its source marks as sensitive.

use super::{credentials, secrets};

/// Which client a property concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Both,
    Consumer,
    Producer,
}

#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) side: Side,
    pub(crate) alias_of: Option<&'static str>,
    /// librdkafka does not show it either (`_RK_SENSITIVE`).
    is_sensitive: bool,
}

// === impl Side ===

impl Side {
    /// Whether a client of this side takes a property of that one.
    pub(crate) fn takes(self, property: Side) -> bool {
        self == Side::Both || property == Side::Both || self == property
    }
}

// === impl Property ===

impl Property {
    /// The property of that name, exactly as written.
    pub(crate) fn find(name: &str) -> Option<&'static Property> {
        PROPERTIES.iter().find(|property| property.name == name)
    }

    /// Whether its value is not to be shown.
    pub(crate) fn is_secret(&self) -> bool {
        self.is_sensitive || (secrets::is_secret_name(self.name) && !credentials::is_address(self.name))
    }

    /// The same for both names of a property.
    pub(crate) fn first_name(&self) -> &'static str {
        self.alias_of.unwrap_or(self.name)
    }

    /// The same for both names of a property: the second, which is mostly Kafka's own.
    ///
    /// Clients are set up under this one, so that a default of the engine and a setting never stand side by side.
    pub(crate) fn client_name(&self) -> &'static str {
        let first = self.first_name();
        PROPERTIES.iter().find(|property| property.alias_of == Some(first)).map_or(first, |property| property.name)
    }
}

const fn both(name: &'static str) -> Property {
    Property { name, side: Side::Both, alias_of: None, is_sensitive: false }
}

const fn consumer(name: &'static str) -> Property {
    Property { name, side: Side::Consumer, alias_of: None, is_sensitive: false }
}

const fn producer(name: &'static str) -> Property {
    Property { name, side: Side::Producer, alias_of: None, is_sensitive: false }
}

const fn alias(of: &'static str, property: Property) -> Property {
    Property { alias_of: Some(of), ..property }
}

const fn sensitive(name: &'static str) -> Property {
    Property { is_sensitive: true, ..both(name) }
}

pub(crate) static PROPERTIES: &[Property] = &[
    both("client.id"),
    both("metadata.broker.list"),
    alias("metadata.broker.list", both("bootstrap.servers")),
    both("message.max.bytes"),
    both("message.copy.max.bytes"),
    both("receive.message.max.bytes"),
    both("max.in.flight.requests.per.connection"),
    alias("max.in.flight.requests.per.connection", both("max.in.flight")),
    both("metadata.recovery.strategy"),
    both("metadata.recovery.rebootstrap.trigger.ms"),
    both("topic.metadata.refresh.interval.ms"),
    both("metadata.max.age.ms"),
    both("topic.metadata.refresh.fast.interval.ms"),
    both("topic.metadata.refresh.fast.cnt"),
    both("topic.metadata.refresh.sparse"),
    both("topic.metadata.propagation.max.ms"),
    both("topic.blacklist"),
    both("debug"),
    both("socket.timeout.ms"),
    both("socket.blocking.max.ms"),
    both("socket.send.buffer.bytes"),
    both("socket.receive.buffer.bytes"),
    both("socket.keepalive.enable"),
    both("socket.nagle.disable"),
    both("socket.max.fails"),
    both("broker.address.ttl"),
    both("broker.address.family"),
    both("socket.connection.setup.timeout.ms"),
    both("connections.max.idle.ms"),
    both("reconnect.backoff.jitter.ms"),
    both("reconnect.backoff.ms"),
    both("reconnect.backoff.max.ms"),
    both("statistics.interval.ms"),
    both("log_level"),
    both("log.thread.name"),
    both("enable.random.seed"),
    both("log.connection.close"),
    both("api.version.request"),
    both("api.version.request.timeout.ms"),
    both("api.version.fallback.ms"),
    both("broker.version.fallback"),
    both("allow.auto.create.topics"),
    both("security.protocol"),
    both("ssl.cipher.suites"),
    both("ssl.curves.list"),
    both("ssl.sigalgs.list"),
    sensitive("ssl.key.location"),
    sensitive("ssl.key.password"),
    sensitive("ssl.key.pem"),
    both("ssl.certificate.location"),
    both("ssl.certificate.pem"),
    both("ssl.ca.location"),
    both("https.ca.location"),
    both("https.ca.pem"),
    sensitive("ssl.ca.pem"),
    both("ssl.ca.certificate.stores"),
    both("ssl.crl.location"),
    both("ssl.keystore.location"),
    sensitive("ssl.keystore.password"),
    both("ssl.providers"),
    both("ssl.engine.location"),
    both("ssl.engine.id"),
    both("enable.ssl.certificate.verification"),
    both("ssl.endpoint.identification.algorithm"),
    both("sasl.mechanisms"),
    alias("sasl.mechanisms", both("sasl.mechanism")),
    both("sasl.kerberos.service.name"),
    both("sasl.kerberos.principal"),
    both("sasl.kerberos.kinit.cmd"),
    both("sasl.kerberos.keytab"),
    both("sasl.kerberos.min.time.before.relogin"),
    sensitive("sasl.username"),
    sensitive("sasl.password"),
    sensitive("sasl.oauthbearer.config"),
    both("enable.sasl.oauthbearer.unsecure.jwt"),
    both("sasl.oauthbearer.method"),
    both("sasl.oauthbearer.client.id"),
    alias("sasl.oauthbearer.client.id", both("sasl.oauthbearer.client.credentials.client.id")),
    alias("sasl.oauthbearer.client.secret", both("sasl.oauthbearer.client.credentials.client.secret")),
    sensitive("sasl.oauthbearer.client.secret"),
    both("sasl.oauthbearer.scope"),
    both("sasl.oauthbearer.extensions"),
    both("sasl.oauthbearer.token.endpoint.url"),
    both("sasl.oauthbearer.grant.type"),
    both("sasl.oauthbearer.assertion.algorithm"),
    sensitive("sasl.oauthbearer.assertion.private.key.file"),
    sensitive("sasl.oauthbearer.assertion.private.key.passphrase"),
    sensitive("sasl.oauthbearer.assertion.private.key.pem"),
    both("sasl.oauthbearer.assertion.file"),
    both("sasl.oauthbearer.assertion.claim.aud"),
    both("sasl.oauthbearer.assertion.claim.exp.seconds"),
    both("sasl.oauthbearer.assertion.claim.iss"),
    both("sasl.oauthbearer.assertion.claim.jti.include"),
    both("sasl.oauthbearer.assertion.claim.nbf.seconds"),
    both("sasl.oauthbearer.assertion.claim.sub"),
    both("sasl.oauthbearer.assertion.jwt.template.file"),
    both("sasl.oauthbearer.metadata.authentication.type"),
    both("plugin.library.paths"),
    consumer("group.id"),
    consumer("group.instance.id"),
    consumer("partition.assignment.strategy"),
    consumer("session.timeout.ms"),
    consumer("heartbeat.interval.ms"),
    consumer("group.protocol.type"),
    consumer("group.protocol"),
    consumer("group.remote.assignor"),
    consumer("coordinator.query.interval.ms"),
    consumer("max.poll.interval.ms"),
    consumer("enable.auto.commit"),
    consumer("auto.commit.interval.ms"),
    consumer("enable.auto.offset.store"),
    consumer("queued.min.messages"),
    consumer("queued.max.messages.kbytes"),
    consumer("fetch.wait.max.ms"),
    consumer("fetch.queue.backoff.ms"),
    consumer("fetch.message.max.bytes"),
    alias("fetch.message.max.bytes", consumer("max.partition.fetch.bytes")),
    consumer("fetch.max.bytes"),
    consumer("fetch.min.bytes"),
    consumer("fetch.error.backoff.ms"),
    consumer("offset.store.method"),
    consumer("isolation.level"),
    consumer("enable.partition.eof"),
    consumer("check.crcs"),
    both("client.rack"),
    producer("transactional.id"),
    producer("transaction.timeout.ms"),
    producer("enable.idempotence"),
    producer("enable.gapless.guarantee"),
    producer("queue.buffering.max.messages"),
    producer("queue.buffering.max.kbytes"),
    producer("queue.buffering.max.ms"),
    alias("queue.buffering.max.ms", producer("linger.ms")),
    producer("message.send.max.retries"),
    alias("message.send.max.retries", producer("retries")),
    both("retry.backoff.ms"),
    both("retry.backoff.max.ms"),
    producer("queue.buffering.backpressure.threshold"),
    producer("compression.codec"),
    alias("compression.codec", producer("compression.type")),
    producer("batch.num.messages"),
    producer("batch.size"),
    producer("delivery.report.only.error"),
    producer("sticky.partitioning.linger.ms"),
    both("client.dns.lookup"),
    both("enable.metrics.push"),
    producer("request.required.acks"),
    alias("request.required.acks", producer("acks")),
    producer("request.timeout.ms"),
    producer("message.timeout.ms"),
    alias("message.timeout.ms", producer("delivery.timeout.ms")),
    producer("queuing.strategy"),
    producer("produce.offset.report"),
    producer("partitioner"),
    producer("compression.level"),
    consumer("auto.commit.enable"),
    consumer("auto.offset.reset"),
    consumer("offset.store.path"),
    consumer("offset.store.sync.interval.ms"),
    consumer("consume.callback.max.messages"),
];
