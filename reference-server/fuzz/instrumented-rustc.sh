#!/bin/sh
# The compiler for cargo (RUSTC_WRAPPER): it instruments the crate under test, as `cargo fuzz` does with all of them. The rest is
# built as anybody else builds it, so that what lies in target/ is used. No sanitizer, which only a nightly compiler has: the
# crate has no unsafe.
for word in "$@"; do
    [ "$word" = reference_server ] && set -- "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
done
exec "$@"
