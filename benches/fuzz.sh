#!/usr/bin/env bash
# Coverage-guided fuzzing of the reference server's parsers by libFuzzer, on the stable toolchain.
#   bash benches/fuzz.sh [SECONDS_EACH] [TARGET...]        default: 30 s for each of hl7 fhir json token dcc config
# What it finds lies in reference-server/fuzz/artifacts; what it learns, in reference-server/fuzz/corpus. tests/run.sh calls it for
# some seconds, and the tests run the same targets on mutants of the seeds (reference-server/src/fuzz/tests.rs).
set -euo pipefail
cd "$(dirname "$0")/../reference-server/fuzz"

seconds=${1:-30}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(hl7 fhir json token dcc config)

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/../../target}
bins=()
for target in "${targets[@]}"; do bins+=(--bin "$target"); done
# The versions of the project, so that what has been built of them is used.
cp ../../Cargo.lock .
RUSTC_WRAPPER=$PWD/instrumented-rustc.sh cargo build --quiet "${bins[@]}"
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target" "artifacts/$target"
    log=$(mktemp)
    status=0
    "$CARGO_TARGET_DIR/debug/$target" "corpus/$target" "seeds/$target" -max_total_time="$seconds" -max_len=20000 \
        -timeout=5 -rss_limit_mb=2048 -artifact_prefix="artifacts/$target/" >"$log" 2>&1 || status=$?
    # Without counters it would try at random and not say so.
    if [ $status -ne 0 ] || ! grep -q 'inline 8-bit counters' "$log"; then
        tail -n 40 "$log" >&2
        echo "$target: found something, or did not run; see artifacts/$target" >&2
        exit 1
    fi
    echo "$target: $(grep -E '^Done|DONE' "$log" | tr '\n' ' ')"
    rm -f "$log"
done
