#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which directory may use which: docs/architecture.md has the same table, with reasons.

    check_includes.py [TOP]        a line FILE:LINE for each include that is not allowed

Also checks that only agent/ uses Net-SNMP, and that each file there needs it.
"""

import os
import re
import sys
from pathlib import Path

ALLOWED = {
    "src/util": set(),
    "src/kernel": {"src/util"},
    "src/ledger": {"src/util", "src/kernel"},
    "src/instance": {"src/util", "src/kernel"},
    "src/collector": {"src/util", "src/kernel", "src/ledger", "src/instance"},
    "src/notify": {"src/util", "src/kernel", "src/ledger", "src/instance", "src/collector"},
    "src/report": {"src/util", "src/kernel", "src/ledger", "src/instance", "src/collector"},
    "src/agentx": {"src/util"},
    "agent": {"src/util", "src/kernel", "src/ledger", "src/instance", "src/collector",
              "src/notify", "src/report", "src/agentx"},
}
LIBRARIES = {"net-snmp/": {"agent"}, "systemd/": {"src/util"},
             "libmnl/": {"src/kernel"}}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def room_of(path):
    return max((room for room in ALLOWED if path.startswith(room + "/")), key=len,
               default=None)


def included_room(room, quote, name):
    """The room of this project that an include names, or None."""
    if quote == "<":
        return None
    folder = os.path.dirname(name)
    return f"src/{folder}" if folder else room


def needs_netsnmp(text, headers):
    """Directly, or by what a header of agent/ offers."""
    return "<net-snmp/" in text or any(f'#include "{name}"' in text for name in headers)


def complaints_about(path, text, headers=(), is_covered=False):
    """is_covered: for a header, its source needs Net-SNMP."""
    room = room_of(path)
    if not room:
        yield f"{path}:1: is in no room: {', '.join(sorted(ALLOWED))}"
        return
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match or match[2] == "config.h":
            continue
        used = included_room(room, *match.groups())
        if used and used != room and used not in ALLOWED[room]:
            yield f"{path}:{number}: {room} may not use {used}: {line.strip()}"
        for library, users in LIBRARIES.items():
            if match[2].startswith(library) and room not in users:
                yield f"{path}:{number}: {room} may not use {library}: {line.strip()}"
    if room == "agent" and not is_covered and not needs_netsnmp(text, headers):
        yield f"{path}:1: needs nothing of Net-SNMP, so it belongs under src/"


def check_itself():
    """Checks that the test detects errors."""
    bad = {
        "src/util/a.c": '#include "kernel/sa.h"',
        "src/ledger/a.c": '#include "instance/instance.h"',
        "src/instance/a.h": ' # include "ledger/ledger.h"',
        "src/collector/a.c": "#include <net-snmp/net-snmp-config.h>",
        "src/ledger/b.c": "#include <libmnl/libmnl.h>",
        "src/a.c": "",
        "agent/a.c": "#include <stdio.h>",
        "agent/a.h": "#include <stdio.h>",
    }
    good = {
        "src/kernel/a.c": '#include "util/hash.h"\n#include <libmnl/libmnl.h>',
        "src/ledger/a.c": '#include "kernel/sa.h"\n#include "ledger/ledger.h"',
        "agent/a.c": '#include "main.h"\n#include <net-snmp/x.h>\n#include "util/text.h"',
    }
    for path, text in bad.items():
        if len(list(complaints_about(path, text))) != 1:
            sys.exit(f"check_includes.py does not see what is wrong in {path}: {text}")
    for path, text in good.items():
        for complaint in complaints_about(path, text):
            sys.exit(f"check_includes.py complains of what is right: {complaint}")


def main():
    top = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("top_srcdir", "."))
    check_itself()
    files = [path for folder in ("src", "agent") for path in sorted((top / folder).rglob("*"))
             if path.suffix in (".c", ".h", ".def")]
    headers = [path.with_suffix(".h").name for path in (top / "agent").glob("*.[ch]")
               if "<net-snmp/" in path.read_text()]
    complaints = [complaint for path in files for complaint in
                  complaints_about(str(path.relative_to(top)), path.read_text(), headers,
                                   path.suffix == ".h" and path.with_suffix(".c").exists())]
    print(*complaints, sep="\n", end="\n" if complaints else "")
    print(f"{len(files)} files, {len(complaints)} uses that are not allowed")
    return 1 if complaints or len(files) < 50 else 0


if __name__ == "__main__":
    sys.exit(main())
