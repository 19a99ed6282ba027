# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory, the start, and what the daemon costs while nothing happens."""

import contextlib
import functools
import time

from answers import CONSTANTS
from harness import TRACKED_SAS, VERSION, Process, Scene, rss_kib, wait_for, wake_ups
from polls import ONE_PEER, has_esp, make_sas
from processes import (
    DRIVER, PROGRAMS, SUBJECT, Clock, fresh_network, larval, pinned, start_scene)
from snmp import Manager, NoAnswer, dotted
from table import Measure, median, sized

STARTS = 5
RESTS = 5
IDLE_POLLS = 2
POLL_INTERVAL = 5  # seconds, the default


def rest_once():
    """The daemon and a subagent without rows, both with a session, in KiB."""
    fresh_network()
    scene = start_scene()
    with contextlib.closing(scene):
        constants = Process([PROGRAMS / "constants", scene.socket,
                             "." + dotted(CONSTANTS), 18, 0], scene.dir / "constants.log")
        more = CONSTANTS + (1, 3, 1, 1, 9)
        wait_for(lambda: scene.manager.getnext(more).varbinds[0].name[:len(CONSTANTS)]
                 == CONSTANTS, "constants are served")
        return rss_kib(scene.daemon.pid), rss_kib(constants.pid)


def at_rest(table, name):
    """Which pages of the libraries a process has is chance, so more than once."""
    subject, floor = (median(side) for side in zip(*(rest_once() for _ in range(RESTS))))
    table.add(name, subject, floor, "KiB", "limit +700 KiB", ratio=f"{subject - floor:+} KiB")


def growth(count, table, name):
    """RSS, so with what the allocator keeps. Keyed SAs of a few peers, or without ESP
    those that the kernel can make."""
    kind = "keyed" if has_esp() else "acquire"
    scene = start_scene("pollInterval 0.2", *[ONE_PEER] * (kind == "acquire"))
    with contextlib.closing(scene):
        before = rss_kib(scene.daemon.pid)
        make_sas(kind, count)
        wait_for(lambda: scene.manager.value(TRACKED_SAS) == count, "the SAs are tracked")
        Clock(scene.daemon.pid).next_work()
        after = rss_kib(scene.daemon.pid)
        table.add(name, (after - before) * 1024 / count, 144, "B",
                  f"limit 1; {kind}; {sized(after)} KiB in all")


def first_answer(scene):
    """Starts a daemon. Returns the seconds until a manager has an answer."""
    with pinned(SUBJECT):
        start = time.monotonic()
        scene.start_daemon()
    manager = Manager(scene.port, timeout=1)
    with contextlib.closing(manager):
        while True:
            with contextlib.suppress(NoAnswer):
                if manager.value(VERSION) is not None:
                    return time.monotonic() - start
            time.sleep(0.001)


def start(table, name):
    fresh_network()
    scene = Scene()
    with contextlib.closing(scene):
        with pinned(DRIVER):
            scene.start_snmpd()
        samples = []
        for _ in range(STARTS):
            samples.append(first_answer(scene) * 1000)
            scene.daemon.stop()
            wait_for(lambda: scene.manager.value(VERSION) is None, "its objects are gone")
        table.add(name, median(samples), 100, "ms", "limit 1; wall clock")


def idle(table, name):
    """At the default interval. What is not a poll would be a wake-up too many."""
    fresh_network()
    larval("-p", 10, 100)
    scene = start_scene()
    with contextlib.closing(scene):
        clock = Clock(scene.daemon.pid)
        clock.wait_idle()
        for _ in range(2):
            clock.next_work()  # the first may only be its timer's, set again
        spent, woken = clock.read(), wake_ups(scene.daemon.pid)
        time.sleep((IDLE_POLLS + 0.5) * POLL_INTERVAL)
        spent, woken = clock.read() - spent, wake_ups(scene.daemon.pid) - woken
        share = spent / (IDLE_POLLS * POLL_INTERVAL) / 10**7
        table.add(f"{name}: share of a core", share, 0.1, "%", "limit 1")
        table.add(f"{name}: wake-ups in {IDLE_POLLS} polls", woken, IDLE_POLLS, "", "limit 1")


MEASURES = [
    Measure("memory at rest", at_rest),
    *(Measure(f"memory of one of {sized(count)} SAs", functools.partial(growth, count), slow)
      for count, slow in ((10000, False), (100000, True))),
    Measure("start to the first answer", start),
    Measure("idle with 100 SAs", idle)]
