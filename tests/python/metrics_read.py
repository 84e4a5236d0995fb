"""Reads a page of metrics (standard input) with the parser of prometheus_client, and checks what promtool would.

Prints nothing; exits with 1 and the faults otherwise.
"""

import re
import sys

from prometheus_client.parser import text_string_to_metric_families

page = sys.stdin.read()
faults = []
helped, typed = {}, {}
for line in page.splitlines():
    for kind, seen in (("HELP", helped), ("TYPE", typed)):
        if line.startswith(f"# {kind} "):
            _, _, name, rest = line.split(" ", 3)
            if name in seen:
                faults.append(f"{name} has two lines {kind}")
            seen[name] = rest

samples = set()
for family in text_string_to_metric_families(page):
    # The parser takes _total off the names of counters.
    name = family.name + "_total" if family.type == "counter" else family.name
    if not helped.get(name, "").rstrip().endswith("."):
        faults.append(f"{name}: no sentence says what it is")
    if family.type not in ("counter", "gauge", "histogram", "summary"):
        faults.append(f"{name}: its type is {family.type}")
    if not re.fullmatch(r"(sidep|process)_[a-z0-9_]+", name):
        faults.append(f"{name}: not a name of ours")
    if not family.samples:
        faults.append(f"{name}: no sample")
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        if key in samples:
            faults.append(f"{sample.name}{sample.labels}: there twice")
        samples.add(key)
        if not sample.name.startswith(family.name):
            faults.append(f"{sample.name}: outside its family {name}")
        if sample.value != sample.value or sample.value < 0:
            faults.append(f"{sample.name}: is {sample.value}")
if not page.endswith("\n") or len(samples) < 20:
    faults.append("the page is cut off")
if faults:
    sys.exit("\n".join(faults))
