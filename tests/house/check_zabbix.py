#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The templates for Zabbix agree with the MIB and with themselves.

    check_zabbix.py [TOP]

Checks that generate.py has made them, that every column of the MIB is an item of the right
kind, and that triggers and graphs name items that exist. A level must not become a rate.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("top_srcdir", ".")).resolve()
CONTRIB = TOP / "contrib/zabbix"
BUILD = Path(os.environ.get("top_builddir", TOP / "build"))
sys.path[:0] = [str(CONTRIB), str(TOP / "tests/mib")]
import alarms  # noqa: E402
import content  # noqa: E402
from check_mib_columns import Mib  # noqa: E402

KINDS = {
    "Counter64": {"rate", "hourly"}, "Gauge32": {"level"}, "Unsigned32": {"level"},
    "QmIpsecTruthValue": {"enum"}, "INTEGER": {"enum"}, "QmIpsecString": {"text"},
    "QmIpsecTimeStamp": {"ticks"},
}
# In no item: the levels of the statistics have mirrors in the instance table, macros hold
# these names, and Zabbix knows the times of events itself.
LEFT_OUT = {
    "qmIpsecActiveSA", "qmIpsecPendingKeyOperations", "qmIpsecActiveTunnels",
    "qmIpsecInstanceTransport", "qmIpsecInstanceNetns", "qmIpsecInstanceIfIndex",
    "qmIpsecInstanceLabel", "qmIpsecPeerLabel", "qmIpsecXfrmNetnsLabel",
    "qmIpsecXfrmCounterLabel", "qmIpsecPeerLastChange", "qmIpsecAgentLastPoll",
}


def objects(mib):
    """Object identifier, name and syntax of all that can be read."""
    for each in mib.objects:
        if mib.access(each) == "read-only":
            scalar = "" if each.parent.endswith("Entry") else ".0"
            yield mib.oid(each.name) + scalar, each.name, mib.syntax(each)


def groups():
    yield "agent", content.AGENT
    for rule in content.RULES:
        yield rule.key, rule.items


def wrong_kinds(mib):
    kinds = {item.oid: item.kind for _, items in groups() for item in items}
    for oid, name, syntax in objects(mib):
        kind = kinds.pop(oid, None)
        if (kind is None) != (name in LEFT_OUT):
            yield f"{name} is an item and left out, or neither"
        elif kind and kind not in KINDS[syntax]:
            yield f"{name} is a {syntax} in the MIB, and a {kind} in the template"
    for oid in kinds:
        if oid != content.SYS_UPTIME:
            yield f"no object {oid}"


def unknown_items():
    for group, items in groups():
        known = {item.key for item in items}
        for trigger in alarms.TRIGGERS[group]:
            for key in re.findall(r"\[([a-z.]+)\]", trigger.expression + trigger.recovery):
                if key not in known:
                    yield f"{trigger.name}: no item {key}"
        for name, lines in alarms.GRAPHS[group]:
            for key, _ in lines:
                if key not in known:
                    yield f"{name}: no item {key}"


def unknown_macros():
    known = {name.rstrip("}") for name, _, _ in content.MACROS}
    text = "".join(file.read_text(encoding="utf-8") for file in CONTRIB.glob("*.yaml.in"))
    used = set(re.findall(r"\{\$QMIPSEC[A-Z_.]+", text))
    yield from (f"macro {name}}} is not defined" for name in sorted(used - known))
    expressions = re.sub(r"(?m)^ *- macro: .*$", "", text)
    for name in sorted(known):
        if not re.search(re.escape(name) + r"[:}]", expressions):
            yield f"macro {name}}} is not used"


def main():
    mib = Mib((BUILD / "mib/QMIPSEC-MIB.txt").read_text(encoding="utf-8"))
    found = [*wrong_kinds(mib), *unknown_items(), *unknown_macros()]
    made = subprocess.run([sys.executable, CONTRIB / "generate.py", "--check"],
                          stderr=subprocess.PIPE, text=True, check=False)
    if made.returncode:
        found.append(made.stderr.strip())
    print(*found, sep="\n", end="\n" if found else "")
    count = len(list(objects(mib)))
    print(f"{count} objects, {len(found)} faults in the templates for Zabbix")
    return 1 if found or count < 60 else 0


if __name__ == "__main__":
    sys.exit(main())
