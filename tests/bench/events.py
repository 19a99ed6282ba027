# SPDX-License-Identifier: GPL-2.0-or-later
"""Events: what the daemon takes to read them, against what the kernel takes to make them."""

import contextlib
import functools
import signal

from harness import AGENT, EVENTS, wait_for
from processes import Clock, fresh_network, larval, start_scene
from table import Measure, sized

LOSSES = AGENT + (8, 0)
FRESH = "maxAge 0.05", "pollInterval 3600"


def all_read(scene, count):
    """Whether it has read so many events, or has lost some."""
    read, lost = (bind.value for bind in scene.manager.get(EVENTS, LOSSES).varbinds)
    return read >= count or lost


def burst(count, frozen, table, name):
    """frozen: the daemon is stopped, so that the buffer must hold all of them."""
    fresh_network()
    scene = start_scene(*FRESH)
    with contextlib.closing(scene):
        clock = Clock(scene.daemon.pid)
        before = clock.wait_idle()
        if frozen:
            scene.daemon.send(signal.SIGSTOP)
        made = int(larval("-e", count))
        scene.daemon.send(signal.SIGCONT)
        spent = clock.wait_idle() - before
        wait_for(lambda: all_read(scene, count), f"{count} events are read")
        lost = scene.manager.value(LOSSES)
        table.add(name, spent / 10**6, made / 10**6, "ms",
                  f"floor 1; lost {sized(lost)} times" if lost else "floor 1; none lost")


MEASURES = [
    Measure("10,000 events while it is stopped", functools.partial(burst, 10000, True)),
    Measure("10,000 events", functools.partial(burst, 10000, False)),
    Measure("100,000 events", functools.partial(burst, 100000, False), True)]
