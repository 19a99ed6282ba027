# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of the results: a line for each row, as soon as it is measured."""

import statistics
from collections import namedtuple

# A measurement: its rows begin with its name. slow: only with --full.
Measure = namedtuple("Measure", "name run slow", defaults=[False])

WIDTHS = 52, 13, 13, 10
NAMES = "", "daemon", "floor", "ratio", "limit of the ratio, or remark"


def median(samples):
    return statistics.median(samples)


def sized(count):
    """A number for people: 10,000."""
    return f"{count:,}"


def amount(value, unit):
    if value is None:
        return "-"
    digits = 0 if value >= 1000 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".strip()


def line(cells):
    first, *rest = cells[:len(WIDTHS)]
    text = first.ljust(WIDTHS[0]) + "".join(
        cell.rjust(width) for cell, width in zip(rest, WIDTHS[1:]))
    return f"{text}  {cells[-1]}".rstrip()


class Table:
    def __init__(self):
        self.results = {}  # of measurements that another one needs

    @staticmethod
    def begin(machine):
        print(*machine, "", line(NAMES), sep="\n", flush=True)

    @staticmethod
    def add(name, subject, floor=None, unit="", remark="", ratio=None):
        """Medians of the daemon and of what it is compared with. The ratio is computed
        unless it is given, as a text."""
        if ratio is None:
            ratio = f"{subject / floor:.2f}" if floor else "-"
        print(line((name, amount(subject, unit), amount(floor, unit), ratio, remark)),
              flush=True)

    @staticmethod
    def add_remark(name, remark):
        """A row without numbers."""
        print(line((name, "-", "-", "-", remark)), flush=True)
