#!/usr/bin/env bash
# How late requests are sent: all pacers at 5,000/s, 20,000/s and 30,000/s, generator on one core, server on the other,
# beside bare loops that wait for the same instants (with a timerfd, by looking at the clock) or send at them: what is the
# machine's, and what is the tool's.
#
#   benches/send-lag.sh [ROUNDS] [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet --locked --bins --examples >&2
exec python3 - "${1:-3}" "${2:-4}" <<'PYTHON'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, "benches/generators")
import compare

rounds, seconds = int(sys.argv[1]), float(sys.argv[2])
server, seen = compare.Server(), {}
try:
    for _ in range(rounds):
        for rate in (5000, 20000, 30000):
            for name, mode in (("waits, timerfd", "timer"), ("waits, spins", "spin"), ("sends", "wire")):
                seen.setdefault((rate, f"floor, {name}"), []).append(compare.floor(server, mode, rate, seconds))
            for pacer in ("timerfd", "spin", "bunch"):
                seen.setdefault((rate, f"peakday, {pacer}"), []).append(compare.peakday(server, rate, seconds, pacer))
finally:
    server.stop()
print(f"Lag in µs, median (least–most) of {rounds} interleaved rounds of {seconds:g} s.\n")
print("| rate | what | p50 | p90 | p99 | p99.9 | max | CPU µs/request | stolen % |")
print("|---|---|---|---|---|---|---|---|---|")
for (rate, name), results in sorted(seen.items()):
    cells = [compare.lag(results, key) for key in ("p50", "p90", "p99", "p999", "max")]
    cells += [compare.spread(results, "cpu"), compare.spread(results, "steal")]
    print(f"| {rate:,}/s | {name} | " + " | ".join(cells) + " |")
PYTHON
