# SPDX-License-Identifier: GPL-2.0-or-later
"""What peers, instances, claims and namespaces cost a poll, against a poll without them."""

import contextlib
import ctypes
import os
import subprocess

from harness import LOCAL, TRACKED_SAS, stat, wait_for
from polls import INTERVAL, ONE_PEER, PAIRS, make_sas, open_polled
from processes import PROGRAMS, Clock, fresh_network, larval, libc, start_scene, watch
from table import Measure, median
from test_names import Sysfs

SAS = 5000
INSTANCES = 100
SESSIONS, POLICIES = 200, 1000
NAMESPACES, SAS_EACH = 500, 10
CLONE_NEWNET = 0x40000000
MS_BIND = 4096


def compare(scenes, table, name, remark=""):
    with contextlib.ExitStack() as stack:
        for scene in scenes:
            stack.callback(scene.close)
        samples = watch([Clock(scene.daemon.pid) for scene in scenes], PAIRS)
    table.add(name, *(median(found) / 1000 for found in samples), "µs", remark)


def plain():
    """A scene with SAs alone, in a network of its own."""
    fresh_network()
    make_sas("acquire", SAS)
    return open_polled(SAS, ONE_PEER)


def peers(table, name):
    fresh_network()
    larval("-p", 1, SAS)
    one = open_polled(SAS)
    fresh_network()
    larval("-p", 1000, SAS)
    compare([open_polled(SAS), one], table, name, "1 peer")


def instances(table, name):
    without = plain()
    fresh_network()
    make_sas("acquire", SAS)
    lines = [f"instance hba-{number:03} local {LOCAL[0]} reqid {0x1000 + number}"
             for number in range(INSTANCES)]
    compare([open_polled(SAS, ONE_PEER, *lines), without], table, name, "none")


def add_policies():
    """Two for each session, and others."""
    lines = [f"xfrm policy add src {LOCAL[0]} dst 198.18.{number >> 8}.{number & 255} proto 6"
             f" dir out tmpl src {LOCAL[0]}"
             f" dst 198.18.{number >> 8}.{number & 255} proto esp reqid {0x1000 + number}"
             f" mode tunnel\n"
             for number in range(POLICIES)]
    subprocess.run(["ip", "-batch", "-"], input="".join(lines), text=True, check=True)


def claims(table, name):
    without = plain()
    fresh_network()
    make_sas("acquire", SAS)
    add_policies()

    def log_in(scene):
        sysfs = Sysfs(scene.dir / "sysfs")
        for number in range(SESSIONS):
            sysfs.log_in(number, b"r%d" % (number % 20),
                         remote=b"198.18.0.%d" % (number + 1))

    scene = start_scene(f"pollInterval {INTERVAL}", ONE_PEER, prepare=log_in)
    wait_for(lambda: scene.manager.value(TRACKED_SAS) == SAS, "the SAs are tracked")
    claimed = scene.manager.value(stat("PendingKeyOperations", "tcp:r1"))
    if not claimed:
        raise RuntimeError("no SA is claimed")
    compare([scene, without], table, name, "none")


def make_namespace(path):
    """Mounts a network namespace with SAs on a file, as "ip netns add" does."""
    path.touch()
    if libc.unshare(CLONE_NEWNET) < 0 or libc.mount(
            b"/proc/thread-self/ns/net", os.fsencode(path), b"none", MS_BIND, None) < 0:
        raise OSError(ctypes.get_errno(), f"namespace {path}")
    subprocess.run([PROGRAMS / "larval", str(SAS_EACH)], check=True)


def namespaces(table, name):
    """Against as many SAs in one namespace."""
    without = plain()
    fresh_network()
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    def make_all(scene):
        (scene.dir / "netns").mkdir()
        for number in range(NAMESPACES):
            make_namespace(scene.dir / f"netns/n{number:03}")
        libc.setns(own, CLONE_NEWNET)
        os.close(own)
        arguments = scene.arguments
        scene.arguments = lambda *more: arguments("--netns-dir", scene.dir / "netns", *more)

    scene = start_scene(f"pollInterval {INTERVAL}", "namespace *", prepare=make_all)
    count = NAMESPACES * SAS_EACH
    wait_for(lambda: scene.manager.value(TRACKED_SAS) == count, "all SAs are tracked")
    compare([scene, without], table, name, "one namespace")


MEASURES = [Measure("poll with 1,000 peers", peers),
            Measure("poll with 100 instances", instances),
            Measure("poll with 200 sessions and 1,000 policies", claims),
            Measure("poll of 500 namespaces with 10 SAs each", namespaces, True)]
