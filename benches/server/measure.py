"""The reference server under open load: server on one core, Peakday on the other, beside what the disk syncs."""
import argparse, json, statistics, subprocess, sys, tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, "benches/server")
import fsync

PEAK = "scenarios/target-12m.toml"
# Name, scenario, its scale, the population that is looked at (None: all).
CASES = [
    ("single results 20,000/s", "benches/server/single.toml", 20, "software"),
    ("batches of 50, 1,000/s = 50,000 results/s", "benches/server/batch.toml", 10, "lab"),
    ("15,000 pages/s beside 2,000 results/s", "benches/server/reads.toml", 2, "patient"),
    ("4,000 certificates/s beside 500 results/s", "benches/server/certificates.toml", 8, "patient"),
    ("peak hour of 12 M tests/day", PEAK, 1, None),
    ("its burst minute, 1.5 times", PEAK, 1.5, None),
]


def run(scenario, scale, server, extra):
    """One run; its summary of the one server."""
    with tempfile.TemporaryDirectory(dir="target") as folder:
        command = ["target/release/peakday", "run", scenario, "--server", f"benches/server/{server}.toml"]
        # The shipped scenario is a whole evening: its peak hour, whatever --duration says.
        command += ["--window", "18:50-19:50"] if scenario == PEAK else extra
        command += ["--scale", str(scale), "--out", f"{folder}/run", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        try:
            with open(f"{folder}/run/summary.json") as file:
                return json.load(file)["servers"][0]
        except FileNotFoundError:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")


def row(seen, population):
    """What one run says: rate, share that is ok, response times, CPU of a request (audit included), validity, audit."""
    chosen = [p for p in seen["populations"] if population in (None, p["name"])]
    offered = sum(p["totals"]["offered"] for p in chosen)
    steps = [s for p in chosen for s in p["steps"] if s["name"] != "sign-in"]
    worst = max(steps, key=lambda s: s["response_us"]["p99"] or 1e12)["response_us"]
    everything = seen["totals"]["offered"]
    return {
        "rate": offered / seen["duration_s"],
        "ok": 100 * sum(p["totals"]["ok"] for p in chosen) / offered,
        "p50": (worst["p50"] or float("nan")) / 1e3,
        "p99": (worst["p99"] or float("nan")) / 1e3,
        "server": 1e6 * seen["resources"]["server_cpu_s"] / everything,
        "generator": 1e6 * seen["resources"]["generator_cpu_s"] / everything,
        "validity": seen["validity"]["state"] + "".join(f" {r['code']}" for r in seen["validity"]["reasons"]),
        "audit": "{acknowledged:,} acknowledged, {lost} lost, {duplicated} twice".format(**seen["audit"]),
    }


def spread(rows, key, digits):
    values = [r[key] for r in rows]
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="only cases whose name contains this")
    parser.add_argument("--server", default="plain", help="a configuration of this folder")
    parser.add_argument("--duration", help="of the measured part, instead of the scenario's")
    arguments = parser.parse_args()
    cases = [case for case in CASES if not arguments.only or arguments.only in case[0]]
    extra = ["--duration", arguments.duration] if arguments.duration else []
    seen, disk = {case: [] for case in cases}, {False: [], True: []}
    for _ in range(arguments.rounds):
        for recycled in disk:
            disk[recycled].append(fsync.rate("target", recycled)[0])
        for case in cases:
            seen[case].append(row(run(case[1], case[2], arguments.server, extra), case[3]))
    for recycled, name in ((False, "growing"), (True, "recycled")):
        rates = disk[recycled]
        print(f"The disk syncs a {name} log {statistics.median(rates):,.0f} times a second ({min(rates):,.0f}–{max(rates):,.0f}).")
    print(f"\nMedian (least–most) of {arguments.rounds} interleaved rounds; response time of the slowest step, in ms.\n")
    print("| case | offered/s | ok % | p50 | p99 | server µs/request | generator µs/request | validity | audit |")
    print("|---|---|---|---|---|---|---|---|---|")
    for case, rows in seen.items():
        cells = [spread(rows, "rate", 0), spread(rows, "ok", 3), spread(rows, "p50", 2), spread(rows, "p99", 2)]
        cells += [spread(rows, "server", 1), spread(rows, "generator", 1)]
        cells += [", ".join(sorted({r[key] for r in rows})) for key in ("validity", "audit")]
        print(f"| {case[0]} | " + " | ".join(cells) + " |")


main()
