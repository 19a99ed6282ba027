#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of contrib/ agree with the MIB.

    check_contrib.py [BUILD]        a line FILE:LINE for each fault

Every OID below the MIB's root is that of an object, every name is that of an object, and
LibreNMS stores counters as counters, levels as gauges, and has all values of enumerations.
BUILD (default: $top_builddir) has the generated MIB and files; the others are in the source.
"""

import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from check_mib_columns import Mib  # noqa: E402

TOP = Path(__file__).resolve().parents[2]
SUFFIXES = {".yaml", ".yml", ".json", ".conf", ".pl", ".py"}
FEWEST = {"oid": 100, "name": 100, "item": 24}  # that are checked: fewer are a fault of the test


class Names:
    """The names of the MIB, with their OIDs and syntaxes."""

    def __init__(self, text):
        mib = Mib(text)
        self.root = re.search(r"built for the root\s+([\d.]+\d)", text)[1]
        self.names = {"qmIpsecMIB": self.root}
        self.names |= {name: f"{self.root}.{mib.oid(name)}" for name in mib.places}
        self.oids = {oid: name for name, oid in self.names.items()}
        self.syntax = {each.name: mib.syntax(each) for each in mib.objects}

    def knows(self, oid):
        """Whether it is of an object, or of an instance of a column or a scalar."""
        if oid in self.oids:
            return True
        while oid != self.root:
            oid = oid.rpartition(".")[0]
            name = self.oids.get(oid)
            if name:
                return name in self.syntax and not name.endswith(("Table", "Entry"))
        return False


def lines_of(text, pattern):
    for match in re.finditer(pattern, text):
        yield text.count("\n", 0, match.start()) + 1, match


def wrong_oids(mib, text, counts):
    for line, match in lines_of(text, rf"(?<![\d.])\.?{re.escape(mib.root)}((?:\.\d+)*)"):
        counts["oid"] += 1
        if not mib.knows(mib.root + match[1]):
            yield line, f"no object {match[0]}"


def wrong_names(mib, text, counts):
    for line, match in lines_of(text, r"\bqmIpsec[A-Z]\w+"):
        counts["name"] += 1
        if match[0] not in mib.names:
            yield line, f"no object {match[0]}"


def wrong_items(mib, text, counts):
    """The sensors of LibreNMS: "value: MIB::NAME", then what is said of it."""
    for line, match in lines_of(text, r"value: QMIPSEC-MIB::(\w+)\n((?: {20}.*\n)*)"):
        counts["item"] += 1
        name, rest = match[1], match[2]
        syntax = mib.syntax.get(name, "")
        oid = re.search(r"num_oid: '\.([\d.]*\d)\.(?:0|\{\{ \$index \}\})'", rest)
        if not oid or mib.oids.get(oid[1]) != name:
            yield line, f"the OID of {name} is {mib.names.get(name)}"
        if (syntax == "Counter64") != ("rrd_type: DCOUNTER" in rest):
            yield line, f"{name} is {syntax}"
        values = {"1", "2"} if syntax == "QmIpsecTruthValue" else set()
        if values != set(re.findall(r"\{ descr: .*value: (\d+)", rest)):
            yield line, f"{name} has the values {sorted(values)}"


CHECKS = [wrong_oids, wrong_names, wrong_items]


def check_itself(mib):
    """Checks that the test detects errors."""
    good = mib.names["qmIpsecBadSPIPackets"]
    item = "value: QMIPSEC-MIB::{}\n" + " " * 20 + "num_oid: '.{}.{{{{ $index }}}}'\n"
    for check, text in ((wrong_oids, f"x .{mib.root}.1.1.1.99.1"), (wrong_oids, f"{mib.root}.7"),
                        (wrong_names, "qmIpsecBadSPIPacket"),
                        (wrong_items, item.format("qmIpsecBadSPIPackets", good)),
                        (wrong_items, item.format("qmIpsecInstanceSessions", good))):
        if len(list(check(mib, text, dict.fromkeys(FEWEST, 0)))) != 1:
            sys.exit(f"check_contrib.py does not see what is wrong in: {text}")


def files(build):
    found = {}
    for top in TOP / "contrib", build / "contrib":
        for path in sorted(top.rglob("*")):
            if path.suffix in SUFFIXES or path.name == "check_qmipsec":
                found[path.relative_to(top)] = path
    return found.values()


def main():
    build = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("top_builddir", "build"))
    mib = Names((build / "mib/QMIPSEC-MIB.txt").read_text(encoding="utf-8"))
    check_itself(mib)
    counts, faults = dict.fromkeys(FEWEST, 0), 0
    for path in files(build):
        text = path.read_text(encoding="utf-8")
        for check in CHECKS:
            for line, fault in check(mib, text, counts):
                print(f"{path}:{line}: {fault}")
                faults += 1
    for what, least in FEWEST.items():
        if counts[what] < least:
            print(f"only {counts[what]} {what}s were found")
            faults += 1
    print(f"{faults} faults in contrib/; checked {counts}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
