"""Reads an interval log with the Python package `hdrhistogram`, which shares no code with Peakday, and prints what it
found: for each interval a JSON line with tag, start and end in seconds since the start of the measured part, the
number of values, and every value that occurs (microseconds, the largest that its counter stands for) with its count.
Equal counts at equal values make every quantile equal; those of every clock over the whole log are printed last."""
import json
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

whole = {}
reader = HistogramLogReader(sys.argv[1], HdrHistogram(1, 3_600_000_000, 3))
while histogram := reader.get_next_interval_histogram():
    zero = reader.get_start_time_sec() * 1000.0
    cells = histogram.get_recorded_iterator()
    print(json.dumps({
        "tag": histogram.get_tag(),
        "start": round((histogram.get_start_time_stamp() - zero) / 1000.0, 3),
        "end": round((histogram.get_end_time_stamp() - zero) / 1000.0, 3),
        "count": histogram.get_total_count(),
        "cells": [[cell.value_iterated_to, cell.count_at_value_iterated_to] for cell in cells],
    }))
    whole.setdefault(histogram.get_tag().split(".")[2], HdrHistogram(1, 3_600_000_000, 3)).add(histogram)
for clock, histogram in sorted(whole.items()):
    quantiles = [histogram.get_value_at_percentile(percent) for percent in (50, 90, 99, 99.9, 100)]
    print(json.dumps({"clock": clock, "quantiles": quantiles}))
