# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests: the processor time of snmpd and of what answers, against constants.c, and
against scripts of snmpd: pass_persist and extend."""

import contextlib
import functools
import shutil
import subprocess
import time
from pathlib import Path

from harness import ROOT, Process, wait_for
from processes import PROGRAMS, SUBJECT, Clock, fresh_network, pinned, start_scene
from snmp import dotted
from table import Measure, median, sized

COLUMNS = range(1, 19)
WINDOWS = 11
LIMIT = "floor 1.05"
SIZE_LIMIT = "limit 1.1"
# Roots beside that of the MIB, of the same length.
CONSTANTS, PASS = (ROOT[:-1] + (ROOT[-1] + n,) for n in (1, 2))
EXTEND_LINE = (1, 3, 6, 1, 4, 1, 8072, 1, 3, 2, 4, 1, 2)  # nsExtendOutLine
EXTEND_RUNS = 3
EXTEND_CACHE = 1  # seconds; 0 would mean the default

# Serves the names in a file, in their order.
PASS_SCRIPT = """\
BEGIN {
	while ((getline name <names) > 0) {
		if (last == "") first = name
		else after[last] = name
		last = name
		known[name]
	}
	while ((getline command) > 0) {
		if (command == "PING") {
			answer = "PONG"
		} else {
			getline name
			if (command == "getnext")
				name = name in known ? after[name] : first
			else if (!(name in known))
				name = ""
			answer = name == "" ? "NONE" : name "\\ncounter64\\n123456789"
		}
		print answer
		fflush()
	}
}
"""
EXTEND_SCRIPT = "BEGIN { for (column = 1; column <= 18; column++) print column }\n"


def row_names(count):
    """In the order of a table; constants.c has the same."""
    return [f"hba-{number:05}" for number in range(count - 1)] + ["unattributed"]


def config(count):
    return ["pollInterval 3600", "maxRows 32767",
            *(f"instance {name} local 192.0.2.1 reqid {number + 1}"
              for number, name in enumerate(row_names(count)[:-1]))]


def index_of(name):
    return (len(name), *name.encode())


def cell(root, column, name):
    return root + (1, 2, 1, column) + index_of(name)


# --- the requests: functions of a manager, the root of a table, its rows' names and a
# number that increases ---------------------------------------------------------------

def one_get(manager, root, names, number):
    name = names[number * 7919 % len(names)]
    expect(manager.get(cell(root, 11, name)), 1)


def get_row(manager, root, names, number):
    name = names[number * 7919 % len(names)]
    expect(manager.get(*(cell(root, column, name) for column in COLUMNS)), len(COLUMNS))


def bulk(manager, root, names, number):
    """18 columns of five rows: snmpd answers with 100 values at most."""
    name = names[number * 7919 % len(names)]
    expect(manager.getbulk([cell(root, column, name) for column in COLUMNS],
                           max_repetitions=5), 5 * len(COLUMNS))


class Walk:
    """A walk by GETBULK, which begins anew when it has left the table."""

    def __init__(self):
        self.at = {}

    def __call__(self, manager, root, names, number):
        table = root + (1, 2, 1)
        answer = manager.getbulk([self.at.get(root, table)], max_repetitions=50)
        expect(answer, 50)
        last = answer.varbinds[-1].name
        self.at[root] = last if last[:len(table)] == table else table


def expect(answer, count):
    if answer.error or len(answer.varbinds) != count or answer.varbinds[0].value is None:
        raise RuntimeError(f"{answer.error}: {len(answer.varbinds)} values, not {count}: "
                           f"{answer.varbinds[:1]}")


KINDS = {"one GET": (one_get, 60), "GET of 18 columns": (get_row, 40),
         "walk by GETBULK of 50": (Walk(), 16), "GETBULK of 18 columns": (bulk, 8)}


# --- who answers ---------------------------------------------------------------------

def awk():
    """With what makes it read a pipe line by line. snmpd wants the whole path."""
    path = shutil.which("awk")
    done = subprocess.run([path, "-W", "version"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    return f"{path} -W interactive" if "mawk" in done.stdout + done.stderr else path


def add_scripts(names, scene):
    """A table by pass_persist, and an extend for each of its rows."""
    (scene.dir / "pass.awk").write_text(PASS_SCRIPT)
    (scene.dir / "extend.awk").write_text(EXTEND_SCRIPT)
    (scene.dir / "names").write_text("".join(
        f".{dotted(cell(PASS, column, name))}\n" for column in COLUMNS for name in names))
    with scene.snmpd_conf.open("a") as conf:
        conf.write(f"pass_persist .{dotted(PASS)} {awk()}"
                   f" -v names={scene.dir}/names -f {scene.dir}/pass.awk\n")
        for name in names:
            conf.write(f"extend -cacheTime {EXTEND_CACHE} {name} {awk()} -f"
                       f" {scene.dir}/extend.awk\n")


def child_of(pid):
    """The only one."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


class Served:
    """A scene in which the same snmpd serves the daemon's rows and constants."""

    def __init__(self, count, prepare=None):
        fresh_network()
        self.names = row_names(count)
        self.scene = start_scene(*config(count), prepare=prepare, pin_snmpd=True)
        self.manager = self.scene.manager
        with pinned(SUBJECT):
            self.constants = Process(
                [PROGRAMS / "constants", self.scene.socket, "." + dotted(CONSTANTS),
                 len(COLUMNS), count], self.scene.dir / "constants.log")
        name = cell(CONSTANTS, 1, self.names[-1])
        wait_for(lambda: self.manager.value(name), "constants are served")
        self.snmpd = Clock(self.scene.snmpd.pid)
        self.daemon = ROOT, [self.snmpd, Clock(self.scene.daemon.pid)]

    def window(self, ask, times, root, clocks):
        """The processor time of these processes for each request, in µs."""
        before = sum(clock.read() for clock in clocks)
        for number in range(times):
            ask(self.manager, root, self.names, number)
        return (sum(clock.read() for clock in clocks) - before) / times / 1000

    def compare(self, ask, times, other):
        """The medians of the daemon and of another one who answers."""
        samples = [[self.window(ask, times, *side) for side in (self.daemon, other)]
                   for _ in range(WINDOWS + 1)][1:]  # the first one warms up
        return [median(side) for side in zip(*samples)]

    def extend(self):
        """The processor time, in µs, for 18 lines of a script that runs for that."""
        before = self.snmpd.read() + self.snmpd.children()
        for _ in range(EXTEND_RUNS):
            time.sleep(EXTEND_CACHE + 0.1)
            for name in self.names:
                expect(self.manager.get(*(EXTEND_LINE + index_of(name) + (column,)
                                          for column in COLUMNS)), len(COLUMNS))
        spent = self.snmpd.read() + self.snmpd.children() - before
        return spent / EXTEND_RUNS / len(self.names) / 1000

    def close(self):
        self.scene.close()


def answers(count, table, name):
    with contextlib.closing(Served(count)) as served:
        constants = CONSTANTS, [served.snmpd, Clock(served.constants.pid)]
        for kind, (ask, times) in KINDS.items():
            subject, floor = served.compare(ask, times, constants)
            table.add(f"{name}: {kind}", subject, floor, "µs", LIMIT)
            table.results["answer", kind, count] = subject, floor


def growth(table, name):
    large = max((key[2] for key in table.results if key[0] == "answer"), default=0)
    if large <= 10 or ("answer", "one GET", 10) not in table.results:
        return
    subject, floor = table.results["answer", "one GET", large]
    small, floor_small = table.results["answer", "one GET", 10]
    table.add(f"{name} of {sized(large)} rows to one of 10", subject / small,
              floor / floor_small, "", SIZE_LIMIT, ratio=f"{subject / small:.2f}")


def scripts(count, with_extend, table, name):
    prepare = functools.partial(add_scripts, row_names(count))
    with contextlib.closing(Served(count, prepare)) as served:
        served.window(one_get, 1, PASS, [])  # starts the script
        script = PASS, [served.snmpd, Clock(child_of(served.scene.snmpd.pid))]
        for kind in "one GET", "GET of 18 columns", "walk by GETBULK of 50":
            ask, times = KINDS[kind]
            table.add(f"{name}: {kind}", *served.compare(ask, times, script), "µs",
                      "pass_persist, constants of awk")
        if with_extend:
            subject = median(served.window(get_row, 80, *served.daemon)
                             for _ in range(WINDOWS))
            table.add(f"{name}: GET of 18 columns", subject, served.extend(), "µs",
                      "extend, constants of awk")


def measures():
    for count, slow in (10, False), (1000, False), (10000, True):
        yield Measure(f"request, {sized(count)} rows", functools.partial(answers, count),
                      slow)
    yield Measure("growth of a GET", growth)
    yield Measure("scripts, 10 rows", functools.partial(scripts, 10, True))
    yield Measure("scripts, 1,000 rows", functools.partial(scripts, 1000, False), True)


MEASURES = list(measures())
