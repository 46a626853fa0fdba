//! A peer of the benchmark: the same job, written by hand on rdkafka.
//!
//! It follows the examples that come with rdkafka: `at_least_once` (a `StreamConsumer`, offsets stored only after
//! delivery and committed every 5 s) and `asynchronous_processing` (a `FutureProducer` with many sends in flight).
//!
//! Settings that are not the defaults, and the page that recommends them:
//! - `enable.auto.offset.store=false` with `enable.auto.commit=true`, `auto.commit.interval.ms=5000`: rdkafka, example
//!   `at_least_once`.
//! - `linger.ms=100`: librdkafka, INTRODUCTION.md, "Performance" and "High throughput" (50 ms or more, "leveling out
//!   somewhere around 100-1000ms"). Batches are left at the default of 1 MB and 10 000 records.
//! - `enable.idempotence=true`, which sets `acks=all` and 5 requests in flight: librdkafka, INTRODUCTION.md,
//!   "Idempotent Producer".
//! - `send_result`, and not `send`: rdkafka, docs of `FutureProducer`. It puts the record in the queue at once, so
//!   records leave in the order in which they were read.
//! - a current-thread runtime, for it runs on one core: tokio, docs of `runtime`.

use std::env;

use futures::{StreamExt, TryStreamExt, future};
use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderError, RenderErrorReason, no_escape,
};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};
use serde_json::Value;

type Error = Box<dyn std::error::Error>;

/// What is sent and not yet delivered, at most. Below `queue.buffering.max.messages` (100 000), so the producer's
/// queue is never full; and enough for half a million records a second at a linger of 100 ms.
const IN_FLIGHT: usize = 50_000;

const TEMPLATE: &str = r#"{"eventType":"transaction","source":"bank-transactions","data":{{json this}}}"#;

fn json_helper(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let param = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("json", 0))?;
    let json = serde_json::to_string(param.value()).map_err(|e| RenderError::from(RenderErrorReason::from(e)))?;
    out.write(&json)?;
    Ok(())
}

fn templates() -> Result<Handlebars<'static>, Error> {
    let mut templates = Handlebars::new();
    templates.register_escape_fn(no_escape);
    templates.register_helper("json", Box::new(json_helper));
    templates.register_template_string("envelope", TEMPLATE)?;
    Ok(templates)
}

fn envelope(templates: &Handlebars<'_>, payload: &[u8]) -> Result<String, Error> {
    let value: Value = serde_json::from_slice(payload)?;
    Ok(templates.render_with_context("envelope", &Context::from(value))?)
}

fn send(
    producer: &FutureProducer,
    topic: &str,
    message: &BorrowedMessage<'_>,
    payload: &str,
) -> Result<DeliveryFuture, Error> {
    let record = FutureRecord {
        topic,
        partition: Some(message.partition()),
        payload: Some(payload),
        key: message.key(),
        timestamp: message.timestamp().to_millis(),
        headers: message.headers().map(|headers| headers.detach()),
    };
    producer.send_result(record).map_err(|(e, _)| e.into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    env_logger::Builder::new().filter_level(log::LevelFilter::Warn).init();
    let args: Vec<String> = env::args().skip(1).collect();
    let [brokers, input, output, group] = args.as_slice() else {
        return Err("usage: plain-rdkafka BOOTSTRAP INPUT OUTPUT GROUP".into());
    };

    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "true")
        .set("auto.commit.interval.ms", "5000")
        .set("enable.auto.offset.store", "false")
        .create()?;
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "100")
        .set("compression.type", "none")
        .create()?;
    let templates = templates()?;
    consumer.subscribe(&[input])?;

    // `buffered` gives back the results in the order of the records, so an offset is stored only when all before it
    // are delivered.
    consumer
        .stream()
        .map(|message| {
            let message = message?;
            let payload = message.payload().ok_or("a record without a value")?;
            let delivery = send(&producer, output, &message, &envelope(&templates, payload)?)?;
            Ok::<_, Error>((message, delivery))
        })
        .map(async |sent| {
            let (message, delivery) = sent?;
            delivery.await?.map_err(|(e, _)| e)?;
            Ok::<_, Error>(message)
        })
        .buffered(IN_FLIGHT)
        .try_for_each(|message| future::ready(consumer.store_offset_from_message(&message).map_err(Error::from)))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_kept_as_it_is() {
        let input = r#"{"z":"a \"<&>\"","a":12345678901234567890.10,"b":[1.50,null,true]}"#;
        let expected = format!(r#"{{"eventType":"transaction","source":"bank-transactions","data":{input}}}"#);
        assert_eq!(envelope(&templates().unwrap(), input.as_bytes()).unwrap(), expected);
    }
}
