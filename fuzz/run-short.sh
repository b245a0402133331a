#!/bin/sh
# Builds every fuzz target and runs each for a few seconds on its seeds: ./run-short.sh [seconds, 20 by default].
# Fails if a target does not build, if a property does not hold, or if a target has no seeds.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-20}
toolchain=${NIGHTLY_TOOLCHAIN:-$(cat .ci/nightly)}

rustc "+$toolchain" --version >/dev/null || { echo "the toolchain $toolchain is missing: rustup toolchain install $toolchain" >&2; exit 1; }
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz

targets=$(cargo "+$toolchain" fuzz list)
[ -n "$targets" ] || { echo "no targets" >&2; exit 1; }
cargo "+$toolchain" fuzz build -s none

for target in $targets; do
    seeds=fuzz/seeds/$target
    [ -n "$(ls "$seeds")" ] || { echo "$target has no seeds" >&2; exit 1; }
    mkdir -p "fuzz/corpus/$target" "fuzz/findings/$target"
    echo "== $target, $seconds s"
    cargo "+$toolchain" fuzz run -s none "$target" "fuzz/corpus/$target" "$seeds" "fuzz/findings/$target" -- \
        -dict="fuzz/dictionaries/$target.dict" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
        -print_final_stats=1 -verbosity=1
done
echo "all targets ran, no property failed"
