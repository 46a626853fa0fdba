# What CI and people run. Everything is built in the release profile, so that OpenSSL and librdkafka are built once.

.PHONY: test test-all bench fuzz lint fmt

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

# Any payload, any template, so many seconds each; needs `cargo install cargo-fuzz`. What it finds is kept apart from the
# corpus of the repository.
SECONDS_EACH ?= 60
fuzz:
	mkdir -p target/fuzz/payload target/fuzz/template
	cd crates/stampmill-core && cargo fuzz run -s none --release payload $(CURDIR)/target/fuzz/payload fuzz/corpus/payload -- -max_total_time=$(SECONDS_EACH) -max_len=4096
	cd crates/stampmill-core && cargo fuzz run -s none --release template $(CURDIR)/target/fuzz/template fuzz/corpus/template -- -max_total_time=$(SECONDS_EACH) -max_len=2048

lint:
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --all-features -- -D warnings

fmt:
	cargo fmt --all
