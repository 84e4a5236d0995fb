#!/usr/bin/env python3
"""How long the server takes to refuse a wrong birth date on a link that exists and on one that does not, asked in turn.

benches/server/link-timing.py [PATH-OF-sidep-server] [PAIRS]. Starts a server of its own on loopback and stops it. The two
distributions are to be the same: beside their quantiles it prints the share of pairs in which the existing link was slower
(a half, within its error) and the Kolmogorov-Smirnov distance with the value that chance exceeds in one case of a hundred.
"""
import bisect
import http.client
import json
import math
import subprocess
import sys
import tempfile
import time

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else "target/release/sidep-server"
PAIRS = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
# Every link is tried four times: the fifth failure would lock it.
TRIES = 4


def link(number, exists):
    return f"61d5db80{number:031x}{'0' if exists else '1'}"


def entry(number):
    return {
        "ref": f"ref-{number}", "sample": f"sample-{number}",
        "patient": {"family_name": "Exemple", "given_name": "Anne", "birth_date": "1985-05-14", "sex": "F",
                    "mobile": "+33639980042", "identifier": "285057500000095"},
        "test": {"kind": "antigen", "loinc": "94558-4", "device": "1232", "result": "negative",
                 "sampled_at": "2022-01-05T17:40:00+01:00", "analysed_at": "2022-01-05T18:00:00+01:00"},
    }


def distance(one, other):
    """Kolmogorov-Smirnov: the largest difference of the two distributions."""
    return max(abs(bisect.bisect(one, x) / len(one) - bisect.bisect(other, x) / len(other)) for x in one + other)


with tempfile.TemporaryDirectory() as folder:
    links = math.ceil(PAIRS / TRIES)
    with open(f"{folder}/earlier.jsonl", "w", encoding="utf-8") as earlier:
        for number in range(links):
            earlier.write(json.dumps({"sender": "lab-1", "link": link(number, True), "entry": entry(number)}) + "\n")
    command = [PROGRAM, "--listen", "127.0.0.1:0", "--data", f"{folder}/data", "--preload", f"{folder}/earlier.jsonl",
               "--until-stdin-closes"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip().rsplit("//", 1)[1]
        connection = http.client.HTTPConnection(address, timeout=10)
        seen = {True: [], False: []}
        sizes = set()
        for number in range(PAIRS):
            # Who goes first changes from pair to pair.
            for exists in ([True, False] if number % 2 else [False, True]):
                begin = time.perf_counter()
                connection.request("POST", f"/p/{link(number % links, exists)}", "birth_date=1985-05-15",
                                   {"content-type": "application/x-www-form-urlencoded"})
                answer = connection.getresponse()
                body = answer.read()
                seen[exists].append((time.perf_counter() - begin) * 1e6)
                sizes.add((answer.status, len(body)))
    finally:
        server.stdin.close()
        server.wait(timeout=30)

print(f"{PAIRS} pairs; status and size of every answer: {sorted(sizes)}")
print(f"{'link':<10}{'p10':>9}{'p50':>9}{'p90':>9}{'p99':>9}   µs")
slower = sum(known > unknown for known, unknown in zip(seen[True], seen[False])) / PAIRS
for exists, name in [(True, "exists"), (False, "does not")]:
    values = sorted(seen[exists])
    print(f"{name:<10}" + "".join(f"{values[int(q * (PAIRS - 1))]:>9.0f}" for q in (0.1, 0.5, 0.9, 0.99)))
print(f"the existing one was slower in {slower:.1%} ± {1.96 * math.sqrt(0.25 / PAIRS):.1%} of the pairs")
bound = 1.63 * math.sqrt(2 / PAIRS)
print(f"Kolmogorov-Smirnov distance {distance(sorted(seen[True]), sorted(seen[False])):.3f} (by chance up to {bound:.3f})")
