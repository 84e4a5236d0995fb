#!/usr/bin/env bash
# How late requests are sent: both pacers at 5,000/s and 20,000/s, generator on one core, server on the other.
#
#   benches/send-lag.sh [ROUNDS] [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet --locked --bins --examples >&2
exec python3 - "${1:-3}" "${2:-4}" <<'PYTHON'
import statistics, sys
sys.dont_write_bytecode = True
sys.path.insert(0, "benches/generators")
import compare

rounds, seconds = int(sys.argv[1]), float(sys.argv[2])
cases = [(rate, pacer) for rate in (5000, 20000) for pacer in ("timerfd", "spin")]
server = compare.Server()
seen = {case: [] for case in cases}
try:
    for _ in range(rounds):
        for case in cases:
            seen[case].append(compare.peakday(server, case[0], seconds, case[1]))
finally:
    server.stop()
print(f"Send lag in µs, median (least–most) of {rounds} interleaved rounds of {seconds:g} s.\n")
print("| rate | pacer | p50 | p90 | p99 | p99.9 | max | CPU µs/request | stolen % |")
print("|---|---|---|---|---|---|---|---|---|")
for (rate, pacer), results in seen.items():
    cells = [compare.lag(results, key) for key in ("p50", "p90", "p99", "p999", "max")]
    cells += [compare.spread(results, "cpu"), compare.spread(results, "steal")]
    print(f"| {rate:,}/s | {pacer} | " + " | ".join(cells) + " |")
PYTHON
