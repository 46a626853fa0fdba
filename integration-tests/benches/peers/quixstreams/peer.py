"""A peer of the benchmark: the same job in Quix Streams.

Settings that are not the defaults, and the page that recommends them:
- `linger.ms=100` in `producer_extra_config`: Quix Streams, "Configuration", "Advanced Kafka Configuration", says that
  options of librdkafka go there; librdkafka, INTRODUCTION.md, "High throughput", recommends more than 50 ms.
- `commit_interval=5.0` and `commit_every=0` (the defaults), `processing_guarantee="at-least-once"` (the default):
  Quix Streams, "Checkpointing". At each commit the producer is flushed first, then the offsets are committed.
- `enable.idempotence` is on by default in Quix Streams, and sets `acks=all`.
- `auto_create_topics=False`: the benchmark makes the topics.
"""

import sys

from quixstreams import Application


def main() -> None:
    if len(sys.argv) != 6:
        sys.exit("usage: peer.py BOOTSTRAP INPUT OUTPUT GROUP STATE_DIR")
    brokers, input_topic, output_topic, group, state_dir = sys.argv[1:]

    app = Application(
        broker_address=brokers,
        consumer_group=group,
        auto_offset_reset="earliest",
        commit_interval=5.0,
        processing_guarantee="at-least-once",
        producer_extra_config={
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 100,
            "compression.type": "none",
        },
        auto_create_topics=False,
        state_dir=state_dir,
        loglevel="WARNING",
    )
    # Keys are bytes and values are JSON by default.
    records = app.dataframe(app.topic(input_topic))
    records = records.apply(
        lambda value: {"eventType": "transaction", "source": "bank-transactions", "data": value}
    )
    records.to_topic(app.topic(output_topic))
    app.run()


if __name__ == "__main__":
    main()
