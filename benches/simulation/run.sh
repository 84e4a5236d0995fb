#!/usr/bin/env bash
# The simulation beside its peers: prepares them in target/, then prints a table in Markdown.
#   benches/simulation/run.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=$PWD/target/bench-python
if ! "$venv/bin/python" -c 'import simpy, ciw' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet simpy==4.1.2 ciw==3.2.7
fi
CARGO_TARGET_DIR=$PWD/target/bench-nexosim cargo build --release --locked --quiet \
    --manifest-path benches/simulation/nexosim/Cargo.toml
export BENCH_PYTHON=$venv/bin/python
export BENCH_NEXOSIM=$PWD/target/bench-nexosim/release/mm8-nexosim
cargo bench --locked --quiet --bench simulation -- "${1:-5}"
