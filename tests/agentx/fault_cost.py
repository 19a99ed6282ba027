# SPDX-License-Identifier: GPL-2.0-or-later
"""What a fault costs: processor time, log lines, and the time until numbers are fresh
again.

    FIGURES=1      prints them
    SECONDS_EACH=N a fault of a table lasts so long (default: as the test says)
"""

import os
import time

import valgrind
from harness import DATA_AGE, MEASURABLE, compile_shim, is_late
from snmp import Manager, NoAnswer

SHARE = 0.05   # of a core, during the fault
LINES = 2      # one when it begins, and one when it ends
SERVICE = 5.0  # seconds after its end


def cpu_seconds(pid):
    """What all threads of a process have used."""
    return time.clock_gettime(~pid << 3 | 2)  # CPUCLOCK_SCHED, linux/posix-timers.h


def start_daemon_with_faults(scene, **how):
    """Returns the file that makes the daemon's operations fail (faulty.c)."""
    file, shim = scene.dir / "faults", compile_shim(scene, "faulty.c")
    scene.start_daemon(wrapper=["env", f"FAULTS={file}", f"LD_PRELOAD={shim}",
                                "ASAN_OPTIONS=verify_asan_link_order=0"], **how)
    scene.wait_attached()
    return file


def start_with_faults(scene):
    """The same with snmpd."""
    scene.start_snmpd()
    return start_daemon_with_faults(scene)


def age(scene, timeout=0.5):
    """Of the numbers that are served, in seconds; None if there is no answer."""
    manager = Manager(scene.port, timeout=timeout)
    try:
        value = manager.value(DATA_AGE)
        return None if value is None else value / 1000
    except NoAnswer:
        return None
    finally:
        manager.close()


class Fault:
    """In its `with` block a fault begins and ends. Then waits until the numbers are
    younger than its end, and checks the limits.

    lines: how many the daemon may log. share: of a core; a fault with work in it may
    have more. service: whether it must serve again at once.
    """

    def __init__(self, test, what, lines=LINES, share=SHARE, service=SERVICE):
        self.test, self.scene, self.what = test, test.scene, what
        self.lines, self.share, self.service = lines, share, service
        self.longest = 0.0

    def last(self, seconds, step=0.05):
        """Lets it last, and asks meanwhile."""
        end = time.monotonic() + float(os.environ.get("SECONDS_EACH", seconds))
        while (start := time.monotonic()) < end:
            age(self.scene, 10)
            self.longest = max(self.longest, time.monotonic() - start)
            time.sleep(step)

    def _log(self):
        return self.scene.daemon.log().splitlines()

    def __enter__(self):
        self.daemon = self.scene.daemon
        self.log_before, self.start = len(self._log()), time.monotonic()
        self.cpu_before = cpu_seconds(self.daemon.pid)
        return self

    def _wait_fresh(self, end):
        while True:
            old = age(self.scene)
            took = time.monotonic() - end
            if old is not None and old < took:
                return took
            if is_late(took, self.service * valgrind.SLOWER):
                raise AssertionError(f"{self.what}: no fresh numbers {took:.1f} s after its "
                                     f"end; their age: {old}")
            time.sleep(0.02)

    def __exit__(self, kind, *_):
        if kind:
            return
        test, end = self.test, time.monotonic()
        test.assertTrue(self.daemon.alive(), f"{self.what}: the daemon has ended")
        took = self._wait_fresh(end)
        share = (cpu_seconds(self.daemon.pid) - self.cpu_before) / (
            time.monotonic() - self.start)
        said = self._log()[self.log_before:]
        if "FIGURES" in os.environ:
            print(f"     {self.what:52} {share:6.2%} {len(said):3} lines {took:5.2f} s, "
                  f"{self.longest:5.2f} s", flush=True)
        test.assertLessEqual(len(said), self.lines, f"{self.what}: {said}")
        if MEASURABLE:
            test.assertLess(share, self.share, f"{self.what}: of a core")
