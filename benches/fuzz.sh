#!/usr/bin/env bash
# Coverage-guided fuzzing of the reference server's parsers by libFuzzer, on the stable toolchain.
#   bash benches/fuzz.sh [SECONDS_EACH] [TARGET...]        default: 30 s for each of hl7 fhir json token dcc config
# The first build takes some minutes. What it finds lies in reference-server/fuzz/artifacts; the suite runs the same
# targets on mutants of the seeds (reference-server/src/fuzz/tests.rs), so CI needs none of this.
set -euo pipefail
cd "$(dirname "$0")/../reference-server/fuzz"

seconds=${1:-30}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(hl7 fhir json token dcc config)

# What `cargo fuzz` passes too, without the sanitizer, which only a nightly compiler has; the code under test has no unsafe.
# A target of its own keeps build scripts and macros free of it.
triple=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
for target in "${targets[@]}"; do
    cargo build --release --target "$triple" --quiet --bin "$target"
done
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target" "artifacts/$target"
    echo "== $target: $seconds s"
    "target/$triple/release/$target" "corpus/$target" "seeds/$target" -max_total_time="$seconds" -max_len=20000 \
        -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="artifacts/$target/" 2>&1 |
        grep -E 'ERROR|panicked|DONE|stat::|Test unit' || true
    [ -z "$(ls -A "artifacts/$target")" ] || { echo "found something: artifacts/$target" >&2; exit 1; }
done
