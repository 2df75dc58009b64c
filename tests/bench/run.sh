#!/usr/bin/env bash
# The load run: Weir with its whole audit on, beside a bare proxy of the same HTTP stack, in interleaved rounds.
#
#     run.sh [options of compare, such as --rounds 5 --seconds 5 --only plain]
#
# Builds the release binaries, starts a simulated provider, two bare proxies and `weir up` on free loopback ports, prints
# a table, and cleans up. Figures are printed, nothing is asserted on time; exit code 1 says that answers were wrong.
#
#     WEIR_BIN=PATH   an own `weir` in place of building one
#     WEIR_KAFKA=HOST:PORT   also the ingress alone, as a process of its own on that Kafka
#     WEIR_BENCH_WITHOUT_WEIR=1   the provider and the bare proxies alone
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
bin=$target/release
weir=${WEIR_BIN:-$bin/weir}
say() { echo "bench: $*" >&2; }

case "$(uname -s)" in
Linux) ;;
*) say "processor time is read from /proc: this needs Linux" && exit 3 ;;
esac

say "building (release)"
(cd "$root" && cargo build --release --quiet -p weir-bench --bins)
if [ -z "${WEIR_BENCH_WITHOUT_WEIR:-}" ] && [ -z "${WEIR_BIN:-}" ]; then
    (cd "$root" && cargo build --release --quiet -p weir)
fi

work=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do
        # A process that does not stop within five seconds is ended.
        for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Starts a command whose JSON with `base_url` comes to a file: start NAME FILE COMMAND…  Sets pid and url.
start() {
    local name=$1 file=$2
    shift 2
    say "starting $name"
    "$@" >"$work/$name.out" 2>"$work/$name.err" &
    pid=$!
    pids+=("$pid")
    for _ in $(seq 300); do
        url=$(sed -n 's/.*"base_url": *"\([^"]*\)".*/\1/p' "$file" 2>/dev/null || true)
        [ -n "$url" ] && return
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    say "$name did not start:"
    cat "$work/$name.out" "$work/$name.err" >&2
    exit 1
}

any=127.0.0.1:0
start provider "$work/provider.out" "$bin/provider" --listen $any
provider=$url provider_pid=$pid
start floor "$work/floor.out" "$bin/floor" --listen $any --upstream "$provider"
floor=$url floor_pid=$pid
start floor-parse "$work/floor-parse.out" "$bin/floor" --listen $any --upstream "$provider" --parse
parse=$url parse_pid=$pid

targets=(
    "{\"name\":\"floor\",\"url\":\"$floor\",\"pid\":$floor_pid}"
    "{\"name\":\"floor parse\",\"url\":\"$parse\",\"pid\":$parse_pid}"
)
if [ -z "${WEIR_BENCH_WITHOUT_WEIR:-}" ]; then
    cat >"$work/weir.toml" <<TOML
[[providers]]
name = "bench"
base_url = "$provider"

[[models]]
name = "sim-small"
provider = "bench"
TOML
    start weir "$work/data/connection.json" \
        env -u WEIR_KAFKA "$weir" up --config "$work/weir.toml" --data "$work/data" --listen $any
    key=$(sed -n 's/.*"api_key": *"\([^"]*\)".*/\1/p' "$work/data/connection.json")
    # Guardrails read streams: they may hold text back and cut it anew.
    targets+=("{\"name\":\"weir\",\"url\":\"$url\",\"key\":\"$key\",\"pid\":$pid,\"any_cut\":true}")
fi
if [ -n "${WEIR_KAFKA:-}" ]; then
    # The ingress alone: what a request costs where the other stages are other processes.
    ingress_key=wk-bench
    cat >"$work/ingress.toml" <<TOML
[log]
topic_prefix = "bench$$"

[[providers]]
name = "bench"
base_url = "$provider"

[[models]]
name = "sim-small"
provider = "bench"

[[teams]]
name = "bench"

[[keys]]
id = "bench"
team = "bench"
sha256 = "$(printf %s "$ingress_key" | sha256sum | cut -d' ' -f1)"
TOML
    "$weir" topics create --config "$work/ingress.toml" --kafka "$WEIR_KAFKA" >"$work/topics.out"
    say "starting weir ingress on $WEIR_KAFKA"
    "$weir" ingress --config "$work/ingress.toml" --kafka "$WEIR_KAFKA" --data "$work/ingress" --listen $any \
        >"$work/ingress.out" 2>"$work/ingress.err" &
    ingress_pid=$!
    pids+=("$ingress_pid")
    for _ in $(seq 300); do
        ingress=$(sed -n 's/^ingress at //p' "$work/ingress.out")
        [ -n "$ingress" ] && break
        sleep 0.1
    done
    [ -n "$ingress" ] || { say "weir ingress did not start:"; cat "$work/ingress.err" >&2; exit 1; }
    targets+=("{\"name\":\"weir ingress\",\"url\":\"$ingress\",\"key\":\"$ingress_key\",\"pid\":$ingress_pid,\"any_cut\":true}")
fi
targets+=("{\"name\":\"direct\",\"url\":\"$provider\",\"pid\":$provider_pid,\"direct\":true}")
(IFS=,; echo "[${targets[*]}]") >"$work/targets.json"

say "loading; ratios are to the bare proxy, (+…) is what is added to the direct way"
status=0
"$bin/compare" --targets "$work/targets.json" "$@" || status=$?
if [ $status -ne 0 ] && [ -s "$work/weir.err" ]; then
    say "the last that weir said:"
    tail -n 20 "$work/weir.err" >&2
fi
exit $status
