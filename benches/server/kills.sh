#!/usr/bin/env bash
# Kills the server under load again and again, on SQLite and on PostgreSQL, and asks for every receipt afterwards.
#
#   benches/server/kills.sh [KILLS [RESULTS]]     200 kills of each, after 2,000 results in each life
#
# The test of the suite, longer: it fails when one acknowledged result is missing or there twice.
set -euo pipefail
cd "$(dirname "$0")/../.."
SIDEP_TEST_KILLS=${1:-200} SIDEP_TEST_RESULTS=${2:-2000} \
    cargo test --locked --package reference-server --test it kills -- --test-threads=1 --nocapture
