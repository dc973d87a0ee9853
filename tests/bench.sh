#!/bin/sh
# Prints what Q costs, next to the bare shell in the same run: ./tests/bench.sh [keys|start|flood|rest]...
# Prints what one question costs, for a hundred commands and by the size of a spec: ./tests/bench.sh engine
# Takes the programs in target/release and the archive target/q/specs.qa, or those that Q_BIN_DIR and Q_ARCHIVE name.
set -eu
cd "$(dirname "$0")/.."
if [ "${1:-}" = engine ]; then
    exec cargo bench --quiet --package daemon --bench engine
fi
if [ -z "${Q_BIN_DIR:-}" ]; then
    cargo build --quiet --release --workspace
fi
exec cargo run --quiet --release --package tests --bin bench -- "$@"
