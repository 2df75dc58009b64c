#!/usr/bin/env bash
# The arrows between the parts, as ARCHITECTURE.md draws them. Fails with the first arrow that points the wrong way.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "arrows: $*" >&2; exit 1; }
# Everything that a package is built from, ours and others'.
tree() { cargo tree --quiet --locked --edges normal,build --prefix none --package "$1" | cut -d' ' -f1 | sort -u; }

stages='weir-ingress weir-processors weir-sinks weir-sql'
for stage in $stages; do
  for other in $stages; do
    [ "$stage" = "$other" ] || ! grep -qx "$other" <<<"$(tree "$stage")" || fail "$stage imports $other: stages meet only on the log"
  done
done
for light in weir-schemas weir-journal weir-bus weir-detect weir-policy weir-pricing weir-quota weir-ingress weir-processors; do
  ! grep -qxE 'arrow|datafusion|deltalake-core' <<<"$(tree "$light")" || fail "$light brings in Arrow, DataFusion or Delta"
done
! grep -qx datafusion <<<"$(tree weir-sinks)" || fail "weir-sinks brings in DataFusion: it belongs to weir-sql alone"
! grep -qx rdkafka <<<"$(tree weir-sql)" || fail "weir-sql reads published files, never the log"
named=$(grep -lE '^rdkafka' ./*/Cargo.toml ./*/*/Cargo.toml | grep -v '^./lib/bus/' || true)
[ -z "$named" ] || fail "only lib/bus names rdkafka, but so does $named"
for one in arrow datafusion object_store parquet; do
  count=$(cargo metadata --locked --format-version 1 | grep -oE "\"name\":\"$one\",\"version\":\"[^\"]+\"" | sort -u | wc -l)
  [ "$count" -le 1 ] || fail "$count versions of $one: their types do not mix"
done
echo 'arrows: all point the right way'
