#!/usr/bin/env bash
# Measured quantiles against exact ones: M/D/10 and M/M/10 at 30, 60 and 80 % load, for so many seconds.
#
#   benches/truth.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
PEAKDAY_TRUTH_SECONDS="${1:-60}" exec cargo test --release --quiet --locked -p peakday --test it -- --nocapture truth
