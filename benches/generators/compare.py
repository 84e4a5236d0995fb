"""Measures load generators side by side and prints a table. Called by run.sh.

The server counts what it answers, and the kernel counts the CPU time of every thread of a generator, both over the same
window in the middle of each run: so all tools are measured by the same hand, and none for its start and end.
"""

import argparse
import glob
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

RELEASE = "target/release"
TOOLS = "target/generators"
BODY = "benches/generators/body.json"
SERVER_CORE, GENERATOR_CORE = (0, 1) if (os.cpu_count() or 1) > 1 else (0, 0)
WARM_UP = 1.5
CONNECTIONS = 64


def processes(pid):
    """A process and its descendants."""
    found = [pid]
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            for child in open(path).read().split():
                found += processes(int(child))
        except OSError:
            pass
    return found


def cpu_of(pid):
    """CPU seconds of all threads that are alive."""
    total = 0
    for process in processes(pid):
        for path in glob.glob(f"/proc/{process}/task/*/schedstat"):
            try:
                total += int(open(path).read().split()[0])
            except (OSError, IndexError):
                pass
    return total / 1e9


def rss_of(pid):
    """Resident megabytes."""
    total = 0
    for process in processes(pid):
        try:
            for line in open(f"/proc/{process}/status"):
                if line.startswith("VmRSS"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


def stolen():
    """Seconds that the host took from this machine."""
    return int(open("/proc/stat").readline().split()[8]) / os.sysconf("SC_CLK_TCK")


class Counters:
    """What the processor and the kernel count for a process, where the machine lets them (perf stat)."""

    EVENTS = {"instructions": "instructions", "cycles": "cycles", "context-switches": "switches"}

    def __init__(self, pid):
        command = ["perf", "stat", "-x,", "-e", ",".join(self.EVENTS), "-p", ",".join(map(str, processes(pid)))]
        self.perf = subprocess.Popen(command, stderr=subprocess.PIPE, text=True) if shutil.which("perf") else None

    def stop(self):
        if self.perf is None:
            return {}
        self.perf.send_signal(signal.SIGINT)
        rows = [line.split(",") for line in self.perf.communicate()[1].splitlines()]
        return {self.EVENTS[row[2]]: float(row[0]) for row in rows if len(row) > 2 and row[2] in self.EVENTS and row[0][:1].isdigit()}


class Server:
    def __init__(self):
        command = ["taskset", "-c", str(SERVER_CORE), f"{RELEASE}/examples/generators-server"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def count(self):
        with urllib.request.urlopen(f"{self.url}/count", timeout=30) as answer:
            return int(answer.read())

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measure(server, command, seconds, environment=None):
    """Runs a generator; what it did in a window of so many seconds."""
    command = ["taskset", "-c", str(GENERATOR_CORE)] + command
    before = server.count()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **(environment or {})}
    )
    until = time.monotonic() + 20
    while server.count() - before < 20 and time.monotonic() < until and process.poll() is None:
        time.sleep(0.05)
    time.sleep(WARM_UP)

    def look():
        return time.monotonic(), server.count(), cpu_of(process.pid), cpu_of(server.process.pid), stolen()

    counters = Counters(process.pid)
    first = look()
    time.sleep(seconds)
    last = look()
    counted = counters.stop()
    rss = rss_of(process.pid)
    try:
        output, _ = process.communicate(timeout=seconds + 60)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
    took, count, cpu, server_cpu, steal = (b - a for a, b in zip(first, last))
    if count < 10:
        sys.exit(f"{' '.join(command)} sent nothing:\n{output}")
    return {
        "rate": count / took,
        "cpu": 1e6 * cpu / count,
        "busy": 100 * cpu / took,
        "server": 100 * server_cpu / took,
        "steal": 100 * steal / took,
        "rss": rss,
        "output": output,
    } | {name: value / count for name, value in counted.items()}


def floor(server, mode, rate, seconds):
    """A bare loop: nothing of it is a tool's."""
    command = [f"{RELEASE}/examples/generators-floor", mode, str(rate), f"{seconds + 2:g}"]
    if mode == "wire":
        result = measure(server, command + [server.url.removeprefix("http://"), BODY], seconds)
        result["lag"] = json.loads(result["output"])
        return result
    before, begun = stolen(), time.monotonic()
    output = subprocess.run(["taskset", "-c", str(GENERATOR_CORE)] + command, capture_output=True, text=True, check=True).stdout
    took = time.monotonic() - begun
    return {"rate": rate, "lag": json.loads(output), "steal": 100 * (stolen() - before) / took, "rss": 0}


def peakday(server, rate, seconds, pacer="timerfd"):
    out = tempfile.mkdtemp(prefix="peakday-bench-")
    command = [f"{RELEASE}/peakday", "run", "benches/generators/post.toml", "--target", server.url, "--quiet"]
    command += ["--scale", str(rate / 1000), "--duration", f"{seconds + 1:g}s", "--out", out, "--pacer", pacer]
    result = measure(server, command, seconds)
    step = json.load(open(f"{out}/summary.json"))["servers"][0]["populations"][0]["steps"][0]
    shutil.rmtree(out)
    lag, counts = step["send_lag_us"], step["totals"]
    # A quantile that falls among requests that were never sent is beyond every number.
    result["lag"] = {key: float("inf") if value is None else value for key, value in lag.items()}
    result["note"] = f"{counts['not_sent']} not sent, {counts['failed'] + counts['timed_out']} failed"
    return result


def k6(server, rate, seconds):
    out = tempfile.mktemp(suffix=".json")
    environment = {
        "RATE": str(rate),
        "SECONDS": str(seconds + 3),
        "URL": f"{server.url}/",
        "OUT": out,
        "K6_NO_USAGE_REPORT": "true",
    }
    command = [f"{TOOLS}/venv/bin/k6", "run", "--quiet", "--no-usage-report", "benches/generators/post.js"]
    result = measure(server, command, seconds, environment)
    result |= json.load(open(out))
    os.remove(out)
    result["note"] = f"{result['dropped']} of {result['done'] + result['dropped']} iterations dropped"
    return result


def k6_highest(server, seconds, start):
    """The highest rate, in steps of an eighth, at which k6 drops no iteration."""
    best, rate = None, start
    while rate >= 100:
        result = k6(server, rate, seconds)
        if result["dropped"] == 0:
            best, rate = result | {"asked": rate}, int(rate * 1.125)
        elif best is None:
            rate = int(rate / 1.25)
        else:
            break
    return best


def wrk(server, seconds):
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds + 3:g}s", "-s", "benches/generators/post.lua", server.url]
    return measure(server, command, seconds)


def oha(server, rate, seconds):
    command = [f"{TOOLS}/bin/oha", "--no-tui", "-c", str(CONNECTIONS), "-z", f"{seconds + 3:g}s", "-m", "POST"]
    command += ["-T", "application/json", "-D", BODY] + (["-q", str(rate)] if rate else []) + [f"{server.url}/"]
    return measure(server, command, seconds)


def goose(server, rate, seconds):
    command = [f"{RELEASE}/examples/generators-goose", server.url, str(CONNECTIONS), f"{seconds + 4:g}", str(rate), BODY]
    return measure(server, command, seconds)


def memory(server, seconds, first):
    """Resident megabytes after `first` and after `seconds` at 5,000/s."""
    out = tempfile.mkdtemp(prefix="peakday-bench-")
    command = ["taskset", "-c", str(GENERATOR_CORE), f"{RELEASE}/peakday", "run", "benches/generators/post.toml"]
    command += ["--target", server.url, "--quiet", "--scale", "5", "--duration", f"{seconds}s", "--out", out]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # The run-in of the scenario comes before the measured part.
    time.sleep(first)
    early = rss_of(process.pid)
    time.sleep(seconds - first)
    late = rss_of(process.pid)
    process.wait()
    shutil.rmtree(out)
    return early, late


def counters(rows):
    """What was counted for a request, where this machine counts it."""
    lines = []
    for event, name in Counters.EVENTS.items():
        counted = {row: spread(results, name) for row, results in rows.items() if results and all(name in result for result in results)}
        lines.append(f"- {event} a request: " + ("; ".join(f"{row} {cell}" for row, cell in counted.items()) or "not counted on this machine"))
    return "\n".join(lines)


def spread(results, key):
    values = [result[key] for result in results if key in result]
    return f"{statistics.median(values):,.1f} ({min(values):,.1f}–{max(values):,.1f})" if values else "–"


def lag(results, key):
    values = [result["lag"][key] for result in results if "lag" in result]
    text = f"{statistics.median(values):,.0f} ({min(values):,.0f}–{max(values):,.0f})" if values else "–"
    return text.replace("inf", "not sent")


def table(rows):
    print("| generator | achieved /s | CPU µs/request | generator busy % | server busy % | send lag p50 µs | p99 µs | max µs | RSS MB | notes |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, results in rows.items():
        if not results:
            continue
        rate = f"{statistics.median(r['rate'] for r in results):,.0f}"
        cells = [name, rate, spread(results, "cpu"), spread(results, "busy"), spread(results, "server")]
        cells += [lag(results, key) for key in ("p50", "p99", "max")]
        cells += [f"{max(r['rss'] for r in results):,.0f}", results[-1].get("note", "")]
        print("| " + " | ".join(cells) + " |")


def ratio(rows, name, other, key):
    """Ratios of the same round: what disturbed one round disturbed both."""
    pairs = [a[key] / b[key] for a, b in zip(rows[name], rows[other])]
    return f"{statistics.median(pairs):.2f} ({min(pairs):.2f}–{max(pairs):.2f})"


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--rounds", type=int, default=3)
    parse.add_argument("--seconds", type=float, default=4)
    parse.add_argument("--rates", default="5000,20000,30000,50000")
    parse.add_argument("--only", default="", help="only what begins with one of these: peakday,wrk,floor,oha,goose,k6,memory")
    parse.add_argument("--keep", help="a file of rounds: those of earlier calls count too, and those of this one are added")
    parse.add_argument("--long", action="store_true", help="memory after 1 and 5 minutes instead of 10 and 40 seconds")
    options = parse.parse_args()
    wanted = tuple(name for name in options.only.split(",") if name) or ("",)
    rates = [int(rate) for rate in options.rates.split(",")]
    has = {
        "wrk": shutil.which("wrk") is not None,
        "k6": os.path.exists(f"{TOOLS}/venv/bin/k6"),
        "oha": os.path.exists(f"{TOOLS}/bin/oha"),
    }
    kept = json.load(open(options.keep)) if options.keep and os.path.exists(options.keep) else {}
    rows, repeats, memories = kept.get("rows", {}), kept.get("repeats", 0), kept.get("memories", [])
    server, start = Server(), 2000

    def note(name, once):
        nonlocal repeats
        if not name.startswith(wanted):
            return None
        result = once()
        # The host took the processor away: once more.
        if result and result["steal"] > 5:
            repeats += 1
            result = once()
        rows.setdefault(name, [])
        if result:
            rows[name].append(result)
            late = f", p99 of the lag {result['lag']['p99']:,.0f} us" if "lag" in result else ""
            print(f"{name}: {result['rate']:,.0f}/s, {result.get('cpu', 0):.1f} us{late}", file=sys.stderr)
        return result

    try:
        for _ in range(options.rounds):
            if has["wrk"]:
                note("wrk, closed", lambda: wrk(server, options.seconds))
            for rate in rates:
                note(f"peakday, Poisson {rate:,}/s", lambda: peakday(server, rate, options.seconds))
                note(f"floor, sends {rate:,}/s", lambda: floor(server, "wire", rate, options.seconds))
                note(f"floor, waits {rate:,}/s", lambda: floor(server, "timer", rate, options.seconds))
                if rate == 20000:
                    note("peakday, bunched 20,000/s", lambda: peakday(server, rate, options.seconds, "bunch"))
                    if has["oha"]:
                        note("oha, 20,000/s", lambda: oha(server, rate, options.seconds))
                    note("goose, 20,000/s", lambda: goose(server, rate, options.seconds))
            if has["oha"]:
                note("oha, closed", lambda: oha(server, 0, options.seconds))
            note("goose, closed", lambda: goose(server, 0, options.seconds))
            if has["k6"]:
                best = note("k6, highest without a drop", lambda: k6_highest(server, options.seconds, start))
                start = int(best["asked"] / 1.2) if best else start
        if "memory".startswith(wanted):
            first, last = (60, 300) if options.long else (10, 40)
            memories.append((first, last, *memory(server, last, first)))
    finally:
        server.stop()
    if options.keep:
        json.dump({"rows": rows, "repeats": repeats, "memories": memories}, open(options.keep, "w"))

    rounds = f"{max(map(len, rows.values()), default=0)} interleaved rounds of {options.seconds:g} s"
    print(f"\nMedian (least–most) of {rounds}; server on core {SERVER_CORE}, generator on core {GENERATOR_CORE}.")
    print("`floor` is no tool but a bare loop: what waits at the same instants, and what sends a ready-made request at them.\n")
    table(rows)
    print()
    for ours in ("peakday, Poisson 20,000/s", "peakday, bunched 20,000/s"):
        if not rows.get(ours):
            continue
        if rows.get("wrk, closed"):
            wrk_cpu = statistics.median(r["cpu"] for r in rows["wrk, closed"])
            bound = 1.3 * 18.5 * wrk_cpu / 10.6
            own = statistics.median(r["cpu"] for r in rows[ours])
            print(f"- CPU per request, {ours}: {own:.1f} µs; bound 1.3 x 18.5 x {wrk_cpu:.1f} / 10.6 = {bound:.1f} µs")
            print(f"- over wrk's in the same round: {ratio(rows, ours, 'wrk, closed', 'cpu')}")
        for other in ("oha, 20,000/s", "goose, 20,000/s"):
            if rows.get(other):
                print(f"- CPU per request, {ours} over {other}: {ratio(rows, ours, other, 'cpu')}")
    for name in rows:
        bare = name.replace("peakday, Poisson", "floor, sends")
        if bare != name and rows.get(bare):
            print(f"- CPU per request, {name} over {bare.split(',')[0]}: {ratio(rows, name, bare, 'cpu')}")
    if rows.get("k6, highest without a drop"):
        held = [name for name in rows if name.startswith("peakday") and all(r["lag"]["p99"] < 5000 for r in rows[name])]
        for name in held:
            print(f"- rate, {name} over k6's highest: {ratio(rows, name, 'k6, highest without a drop', 'rate')}")
    for first, last, early, late in memories:
        print(f"- resident size at 5,000/s after {first} s {early:.1f} MB, after {last} s {late:.1f} MB ({100 * (late / early - 1):+.1f} %)")
    steal = [r["steal"] for results in rows.values() for r in results]
    if steal:
        print(f"- stolen by the host: {statistics.median(steal):.1f} % of the time, at most {max(steal):.1f} % in a measurement; repeated for it: {repeats}")
    print(counters(rows))


if __name__ == "__main__":
    main()
