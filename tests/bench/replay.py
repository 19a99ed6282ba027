# SPDX-License-Identifier: GPL-2.0-or-later
"""Keyed SAs, which this machine's kernel may not be able to make: bench_replay.c."""

import functools

from harness import run
from processes import PROGRAMS, SUBJECT, pinned
from table import Measure, sized


def replayed(name, *sizes):
    """What it prints: (kind, number, values) for each line."""
    with pinned(SUBJECT):
        done = run(PROGRAMS / "bench_replay", name, *sizes)
    if done.returncode:
        raise RuntimeError(f"bench_replay {name}: {done.returncode} {done.stderr}")
    for line in done.stdout.splitlines():
        kind, number, *values = line.split()
        yield kind, int(number), [float(value) for value in values]


def sas(count, table, name):
    for kind, _, values in replayed("sas", count):
        if kind == "memory":
            table.add(f"{name}: memory of one", values[0], 144, "B", "limit 1")
        else:
            table.add(f"{name}: poll of one", *values, "ns", "user time; only the copy")
            table.results["replay", count] = values


def growth(table, name):
    costs = {key[1]: cost for key, cost in table.results.items() if key[0] == "replay"}
    if len(costs) > 1:
        small, large = min(costs), max(costs)
        table.add(f"{name}, {sized(small)} to {sized(large)}",
                  costs[large][0] / costs[small][0], costs[large][1] / costs[small][1], "",
                  "limit 1.3", ratio=f"{costs[large][0] / costs[small][0]:.2f}")


def publish(table, name):
    ((_, _, (cost,)),) = replayed("publish")
    table.add(name, cost / 1000, 2000, "µs", "limit 1")


MEASURES = [*(Measure(f"{sized(count)} keyed SAs, replayed", functools.partial(sas, count))
              for count in (1000, 10000, 100000)),
            Measure("growth of a replayed poll of one", growth),
            Measure("snapshot of 10,000 rows", publish)]
