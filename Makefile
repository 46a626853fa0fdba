# What CI and people run. Everything is built in the release profile, so that OpenSSL and librdkafka are built once.

.PHONY: test test-all bench lint fmt

# Unit, property and integration tests; Kafka comes from Maven Central and needs `java` and `mvn`.
test:
	cargo test --release --workspace

# The same with every test on every version of Kafka, and no test left out; what was seen goes to
# integration-tests/REPORT.md.
test-all:
	integration-tests/report

# Records per second and CPU time beside a bare loop over librdkafka.
bench:
	cargo run --release -p integration-tests --bin throughput

lint:
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --all-features -- -D warnings

fmt:
	cargo fmt --all
