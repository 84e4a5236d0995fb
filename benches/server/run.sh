#!/usr/bin/env bash
# The reference server under open load, on one core, beside what the disk syncs.
#
#   benches/server/run.sh [--rounds N] [--only TEXT] [--server NAME] [--duration 240s]
#
# Four minutes and a half a round. `--only "single" --duration 250s` writes 5 million rows: whether the rate stays flat.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --quiet --locked --bins >&2
exec python3 benches/server/measure.py "$@"
