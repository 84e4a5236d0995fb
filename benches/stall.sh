#!/usr/bin/env bash
# A server frozen for 1.4 s in a run of 30 s at 2,000/s: quantiles against a replay of the plan through the same freeze.
set -euo pipefail
cd "$(dirname "$0")/.."
PEAKDAY_STALL=long exec cargo test --release --quiet --locked -p peakday --test it -- --nocapture stall
