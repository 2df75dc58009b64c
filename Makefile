# The tasks of this repository. `make` is all that is needed; each line is what CI runs too.
.PHONY: help check fmt test e2e bench demo clients

help:            ## list the tasks
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/\t/' | expand -t 12

check:           ## format, lints, the arrows between the parts
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	tests/arrows.sh

fmt:             ## format everything
	cargo fmt --all

test:            ## every test; with Java 17 and Maven also the real-broker half
	cargo build --workspace --all-targets
	cargo test --workspace

e2e:             ## only the end-to-end proofs
	cargo build --workspace --all-targets
	cargo test -p weir-e2e

clients:         ## what the end-to-end tests need of Python and Node
	tests/clients/setup.sh $${XDG_CACHE_HOME:-$$HOME/.cache}/weir/clients

bench:           ## micro-benchmarks, then the load run beside a bare proxy
	cargo bench -p weir-bench
	tests/bench/run.sh

demo:            ## the product with traffic
	cargo run --release -- demo
