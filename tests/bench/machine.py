# SPDX-License-Identifier: GPL-2.0-or-later
"""What the results were measured on."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path


def first_match(path, pattern, default="unknown"):
    try:
        match = re.search(pattern, Path(path).read_text(errors="replace"), re.M)
    except OSError:
        match = None
    return match[1].strip() if match else default


def output(*argv):
    """The first line that a program prints."""
    if not shutil.which(argv[0]):
        return "unknown"
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    lines = [text for text in (done.stdout + done.stderr).splitlines() if text.strip()]
    return lines[0].strip() if lines else "unknown"


def describe(build):
    """Lines about this machine and about the build."""
    system = os.uname()
    load = " ".join(f"{number:.1f}" for number in os.getloadavg())
    compiler = first_match(build / "config.log", r"^CC='([^']*)'")
    flags = first_match(build / "config.log", r"^CFLAGS='([^']*)'")
    memory = int(first_match("/proc/meminfo", r"^MemTotal:\s+(\d+) kB", "0")) >> 20
    return [
        "processor:  " + first_match("/proc/cpuinfo", r"^model name\s*:(.*)$")
        + f", {os.cpu_count()} CPUs, {memory} GiB",
        f"kernel:     {system.sysname} {system.release} {system.machine}",
        f"compiler:   {output(compiler, '--version')}; {flags}",
        f"Net-SNMP:   {output('snmpd', '-v').removeprefix('NET-SNMP version:').strip()}",
        f"load:       {load}; {time.strftime('%Y-%m-%d %H:%M')}",
    ]
