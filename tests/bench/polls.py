# SPDX-License-Identifier: GPL-2.0-or-later
"""Polls: the daemon at its cadence, against a bare drain of the same dump and against ip."""

import contextlib
import functools
import os
import subprocess
import time

from harness import LOCAL, POLLS, TRACKED_SAS, wait_for
from processes import (
    IDLE, SUBJECT, Clock, Drain, fresh_network, larval, pinned, start_scene)
from table import Measure, median, sized

INTERVAL = 0.3  # seconds between polls, if that is long enough
SHARE = 20  # drains in an interval: the daemon polls less often if that takes a tenth of it
PAIRS = 9
TRIES = 2
LIMIT = "floor 1.25"
GROWTH_LIMIT = "floor 1.3, or the kernel's own growth"
# All addresses of "larval -a" are one peer.
ONE_PEER = 'peer 198.18.0.0/15 "all"'
PEERS = 10
KEY = "0x" + "5a" * 20


def keyed_line(number):
    """The command of ip for an SA with the attributes that a keying daemon sets."""
    peer = f"198.18.0.{number % PEERS + 1}"
    source, dest = (peer, LOCAL[0]) if number % 2 else (LOCAL[0], peer)
    return (f"xfrm state add src {source} dst {dest} proto esp spi {0x1000 + number}"
            f" reqid {0x1000 + number} mode tunnel replay-window 128 flag esn"
            f" aead rfc4106(gcm(aes)) {KEY} 128 encap espinudp 4500 4500 0.0.0.0"
            " mark 1 mask 0xffffffff\n")


def add_keyed(lines):
    return subprocess.run(["ip", "-batch", "-"], input="".join(lines), text=True,
                          capture_output=True, check=False)


def has_esp():
    """Whether this kernel has it. Leaves the network namespace empty."""
    fresh_network()
    found = add_keyed([keyed_line(0)]).returncode == 0
    fresh_network()
    return found


def make_sas(kind, count):
    if kind == "keyed":
        done = add_keyed(map(keyed_line, range(count)))
        if done.returncode:
            raise RuntimeError(f"keyed SAs: {done.stderr}")
    else:
        larval(*{"larval": ["-p", PEERS], "acquire": ["-a"]}[kind], count)


def interval_for(drain):
    """The seconds between polls of the dump that is drained."""
    drain.once()
    return max(INTERVAL, round(drain.once() * SHARE / 10**9, 1))


def open_polled(count, *config, interval=INTERVAL):
    """A scene that has so many SAs, and polls them."""
    scene = start_scene(f"pollInterval {interval}", *config)
    wait_for(lambda: scene.manager.value(TRACKED_SAS) == count, f"{count} SAs are tracked")
    return scene


def by_turns(scene, drain, interval):
    """The processor times of polls and, each between two polls, of drains. Each of both
    comes as long after the other, so the caches have forgotten as much."""
    clock = Clock(scene.daemon.pid)
    clock.wait_idle()
    clock.next_work()  # perhaps only its timer's, set again after a request
    pairs = []
    for _ in range(PAIRS):
        poll = clock.next_work()
        time.sleep(interval / 2 - IDLE)
        pairs.append((poll, drain.once()))
    return pairs


def shares(scene, before):
    """How the processor time since then was divided, if that was enough to tell."""
    user, system = (now - then for now, then in
                    zip(Clock(scene.daemon.pid).user_and_system(), before))
    return f", user {100 * user / (user + system):.0f} %" if user + system > 10**8 else ""


def measured(scene, drain, interval):
    """The processor times by turns, and a remark, also if some polls have not been seen one
    by one, as on a machine that is too busy."""
    for _ in range(TRIES):
        before, split = scene.manager.value(POLLS), Clock(scene.daemon.pid).user_and_system()
        pairs = by_turns(scene, drain, interval)
        missed = scene.manager.value(POLLS) - before - PAIRS
        if abs(missed) <= 1:
            return pairs, shares(scene, split)
    return pairs, f"; {missed} polls missed"


def ip_once():
    """The processor time of ip, in ns."""
    with pinned(SUBJECT):
        child = subprocess.Popen(["ip", "-s", "xfrm", "state"], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError("ip -s xfrm state")
    return (usage.ru_utime + usage.ru_stime) * 10**9


def poll(kind, count, table, name):
    if not has_esp() and kind == "keyed":
        table.add_remark(name, "this kernel has no ESP: see tests/bench/emulated")
        return
    make_sas(kind, count)
    with contextlib.closing(Drain()) as drain:
        interval = interval_for(drain)
        with contextlib.closing(open_polled(
                count, *[ONE_PEER] * (kind == "acquire"), interval=interval)) as scene:
            pairs, remark = measured(scene, drain, interval)
        subject, floor = (median(side) / 1000 for side in zip(*pairs))
        table.add(name, subject, floor, "µs", LIMIT + remark)
    ip = median(ip_once() for _ in range(5)) / 1000
    table.add(f"{name}, against ip -s xfrm state", subject, ip, "µs")
    table.results[kind, count] = subject * 1000 / count, floor * 1000 / count


def growth(kind, small, large, table, name):
    """Of the cost of an SA, from the results of two measurements."""
    if not all((kind, count) in table.results for count in (small, large)):
        return
    for count in small, large:
        table.add(f"{name} of {sized(count)}", *table.results[kind, count], "ns")
    subject, floor = (after / before for before, after in
                      zip(table.results[kind, small], table.results[kind, large]))
    table.add(f"{name}, growth", subject, floor, "", GROWTH_LIMIT)


def measures():
    for kind, count, slow in (
            ("larval", 10, False), ("larval", 1000, False), ("acquire", 1000, False),
            ("acquire", 10000, False), ("larval", 10000, True), ("acquire", 100000, True),
            ("keyed", 10, True), ("keyed", 1000, True), ("keyed", 10000, True),
            ("keyed", 100000, True)):
        yield Measure(f"poll of {sized(count)} {kind} SAs",
                      functools.partial(poll, kind, count), slow)
    for kind, large, slow in (
            ("acquire", 10000, False), ("acquire", 100000, True), ("keyed", 10000, True),
            ("keyed", 100000, True)):
        yield Measure(f"poll of one {kind} SA",
                      functools.partial(growth, kind, 1000, large), slow)


MEASURES = list(measures())
