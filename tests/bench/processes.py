# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that are measured: their processor time, where they run, the programs here."""

import contextlib
import ctypes
import os
import subprocess
import time
from pathlib import Path

import harness
from harness import BUILD, Scene, run

PROGRAMS = Path(os.environ.get("bench_programs", BUILD / "tests/bench"))
CPUS = sorted(os.sched_getaffinity(0))
SUBJECT, DRIVER = CPUS[-1], CPUS[0]  # what is measured has a CPU for itself
CLONE_NEWNET = 0x40000000
CPUCLOCK_SCHED = 2
TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")
IDLE = 0.02  # seconds without processor time after which a process has done its work
# One answer of the daemon costs no poll.
QUIET = ("maxAge 3600", "agentXPingInterval 3600", "saveInterval 86400",
         "maxRequestLoad 100")
libc = ctypes.CDLL(None, use_errno=True)


class Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class Clock:
    """The processor time of a process, in ns: clock_getcpuclockid(3)."""

    def __init__(self, pid):
        self.pid = pid
        self.id = ~pid << 3 | CPUCLOCK_SCHED

    def read(self):
        spec = Timespec()
        if libc.clock_gettime(self.id, ctypes.byref(spec)) < 0:
            raise OSError(ctypes.get_errno(), f"the clock of process {self.pid}")
        return spec.seconds * 10**9 + spec.nanoseconds

    def _stat(self):
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()

    def user_and_system(self):
        """Both in ns, counted in ticks of 10 ms: over a long time only."""
        fields = self._stat()
        return int(fields[11]) * TICK_NS, int(fields[12]) * TICK_NS

    def children(self):
        """The processor time of ended children, in ns, counted in ticks."""
        fields = self._stat()
        return (int(fields[13]) + int(fields[14])) * TICK_NS

    def wait_idle(self):
        """Waits until it has done its work. Returns the time then."""
        last = self.read()
        while True:
            time.sleep(IDLE)
            now = self.read()
            if now == last:
                return now
            last = now

    def next_work(self, timeout=60):
        """Waits until it has worked again. Returns the processor time of that."""
        before = self.read()
        end = time.monotonic() + timeout
        while self.read() == before:
            if time.monotonic() > end:
                raise RuntimeError(f"process {self.pid} does not work any more")
            time.sleep(0.002)
        return self.wait_idle() - before


def watch(clocks, count):
    """For each process the processor times of its next pieces of work, at least so many."""
    idle = [clock.wait_idle() for clock in clocks]
    seen, changed, samples = idle[:], [0.0] * len(clocks), [[] for _ in clocks]
    while any(len(found) < count for found in samples):
        time.sleep(0.002)
        for number, clock in enumerate(clocks):
            now, at = clock.read(), time.monotonic()
            if now != seen[number]:
                seen[number], changed[number] = now, at
            elif now != idle[number] and at - changed[number] > IDLE:
                samples[number].append(now - idle[number])
                idle[number] = now
    return samples


@contextlib.contextmanager
def pinned(cpu):
    """Children that start meanwhile run on this CPU."""
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, {DRIVER})


def fresh_network():
    """A network namespace without SAs. The hash tables of one that had many are large,
    and slow."""
    if libc.unshare(CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    harness.set_up_network()


def larval(*arguments):
    """Runs it to its end. Returns what it prints."""
    done = run(PROGRAMS / "larval", *arguments)
    if done.returncode:
        raise RuntimeError(f"larval {arguments}: {done.stderr}")
    return done.stdout


def start_scene(*config, prepare=None, pin_snmpd=False):
    """A scene that runs, the daemon pinned, with each poll only by its timer. prepare: a
    function of the scene before its start."""
    scene = Scene()
    scene.configure(*QUIET, *config)
    if prepare:
        prepare(scene)
    with pinned(SUBJECT if pin_snmpd else DRIVER):
        scene.start_snmpd()
    with pinned(SUBJECT):
        scene.start_daemon()
    scene.wait_attached()
    return scene


class Drain:
    """The floor of a poll, drain.c, in the present network namespace."""

    def __init__(self):
        with pinned(SUBJECT):
            self.popen = subprocess.Popen([PROGRAMS / "drain"], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, bufsize=0)
        self.clock = Clock(self.popen.pid)
        self.once()

    def once(self):
        """One dump. Returns its processor time."""
        before = self.clock.read()
        self.popen.stdin.write(b"\n")
        if self.popen.stdout.read(1) != b"\n":
            raise RuntimeError("drain has ended")
        return self.clock.wait_idle() - before

    def close(self):
        self.popen.stdin.close()
        self.popen.wait()
        self.popen.stdout.close()
