# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon loses its capabilities while it serves, and gets them back: the kernel itself
rejects its requests.

The last numbers stay, their age grows, and the log says so once. Afterwards the numbers are
soon the kernel's.

    FIGURES=1 SECONDS_EACH=60 tests/agentx/run Capability
"""

import re
import shutil
import signal
from pathlib import Path

from fault_cost import Fault, age
from harness import (
    AS_SERVICE, DAEMON, EVENTS, TRACKED_SAS, Process, add_larval, compile_shim, count_sas,
    discontinuity, flush_xfrm, holds_for, wait_for)
from namespaces import ALL, NamespacesTest

NET_ADMIN, SYS_ADMIN = 1 << 12, 1 << 21
WITH_NAMESPACES = [word.replace("+net_admin", "+net_admin,+sys_admin") for word in AS_SERVICE]
LASTS = 3.0


class Capability(NamespacesTest):
    """It runs as its unit starts it."""

    def start(self, lacks, service=AS_SERVICE, *config):
        self.lacks = lacks
        self.scene.configure("pollInterval 0.2", "maxAge 0.02", "instance z local 192.0.2.1",
                             *config)
        shim = compile_shim(self.scene, "capability.c")
        daemon = self.scene.dir / "qmipsecd"  # which other users can read
        shutil.copy(DAEMON, daemon)
        shutil.chown(self.scene.dir / "state", 65534)
        with self.scene.snmpd_conf.open("a") as conf:
            conf.write("agentXPerms 0660 0755 nobody nogroup\n")
        self.scene.start_snmpd()
        self.scene.daemon = Process(
            [*service, "env", f"LACKS={lacks:x}", f"LD_PRELOAD={shim}",
             "ASAN_OPTIONS=verify_asan_link_order=0", daemon, "-f", "-Le",
             *self.scene.arguments()], self.scene.dir / "qmipsecd.log")
        self.scene.wait_attached()

    def effective(self):
        status = Path(f"/proc/{self.scene.daemon.pid}/status").read_text()
        return int(re.search(r"^CapEff:\s+([0-9a-f]+)", status, re.M)[1], 16)

    def lose(self):
        self.scene.daemon.send(signal.SIGUSR1)
        wait_for(lambda: not self.effective() & self.lacks, "it has lost them", 5)

    def regain(self):
        self.scene.daemon.send(signal.SIGUSR2)
        wait_for(lambda: self.effective() & self.lacks == self.lacks, "it has them again", 5)

    def assertOld(self, numbers):
        """They stay as they were, and grow old."""
        before = age(self.scene, 20)
        holds_for(lambda: self.numbers() == numbers, "the last numbers stay", LASTS)
        self.assertGreater(age(self.scene, 20), before + LASTS * 0.9)

    def numbers(self):
        return [self.pending("z"), self.pending(ALL), self.scene.manager.value(TRACKED_SAS)]

    def test_net_admin(self):
        """SAs come and go meanwhile."""
        add_larval("192.0.2.1")
        self.start(NET_ADMIN)
        self.assertEqual(self.effective(), NET_ADMIN)
        wait_for(lambda: self.numbers() == [1, 0, 1], "the SA", 5)
        began = [self.scene.manager.value(discontinuity(name)) for name in ("z", ALL)]
        for n in range(3):
            numbers = self.numbers()
            with self.subTest(n=n), Fault(self, "without CAP_NET_ADMIN") as fault:
                self.lose()
                fault.last(0.5)
                add_larval("192.0.2.1")
                add_larval("192.0.2.2")
                self.assertOld(numbers)
                self.assertLogged("CAP_NET_ADMIN|Operation not permitted", n + 1)
                self.regain()
            right = [n + 2, n + 1, 2 * n + 3]
            wait_for(lambda right=right: self.numbers() == right, f"{right}", 5)
        self.assertEqual(count_sas(), 7)
        self.assertEqual(
            [self.scene.manager.value(discontinuity(name)) for name in ("z", ALL)], began)

    def test_events_without_net_admin(self):
        """A socket that has joined its groups goes on to receive: nothing is lost."""
        add_larval("192.0.2.1")
        self.start(NET_ADMIN)
        wait_for(lambda: self.numbers() == [1, 0, 1], "the SA", 5)
        with Fault(self, "a flush without CAP_NET_ADMIN") as fault:
            self.lose()
            fault.last(0.5)
            events = self.scene.manager.value(EVENTS)
            flush_xfrm()
            wait_for(lambda: self.scene.manager.value(EVENTS) > events, "the flush", 5)
            self.regain()
        wait_for(lambda: self.numbers() == [0, 0, 0], "no SA", 5)

    def test_stop_without_net_admin(self):
        """Its last poll fails, but it saves its state and ends."""
        add_larval("192.0.2.1")
        self.start(NET_ADMIN)
        wait_for(lambda: self.numbers() == [1, 0, 1], "the SA", 5)
        self.lose()
        status, took = self.scene.daemon.stop()
        self.assertEqual(status, 0)
        self.assertPrompt(took, 5)
        self.assertTrue(self.scene.state_file.exists())

    def test_sys_admin(self):
        """It enters no namespace any more; its own goes on."""
        self.larval("blue", 2)
        add_larval("192.0.2.1")
        self.start(SYS_ADMIN, WITH_NAMESPACES, "namespace blue", "namespace red")
        self.assertEqual(self.effective(), NET_ADMIN | SYS_ADMIN)
        wait_for(lambda: self.pending(f"blue/{ALL}") == 2, "blue", 5)
        with Fault(self, "without CAP_SYS_ADMIN", lines=4) as fault:
            self.lose()
            fault.last(0.5)
            add_larval("192.0.2.1")
            self.larval("red", 3)
            wait_for(lambda: self.pending("z") == 2, "its own namespace", 5)
            fault.last(LASTS)
            self.assertEqual(self.pending(f"blue/{ALL}"), 2)
            self.assertIsNone(self.pending(f"red/{ALL}"))
            self.regain()
        wait_for(lambda: self.pending(f"red/{ALL}") == 3, "red", 5)
        self.assertEqual([self.pending("z"), self.pending(f"blue/{ALL}")], [2, 2])

    def test_both(self):
        self.larval("blue", 2)
        add_larval("192.0.2.1")
        self.start(NET_ADMIN | SYS_ADMIN, WITH_NAMESPACES, "namespace blue")
        wait_for(lambda: self.pending(f"blue/{ALL}") == 2, "blue", 5)
        numbers = self.numbers()
        with Fault(self, "without both", lines=4) as fault:
            self.lose()
            fault.last(0.5)
            add_larval("192.0.2.1")
            self.assertOld(numbers)
            self.regain()
        wait_for(lambda: (self.pending("z"), self.pending(f"blue/{ALL}")) == (2, 2), "both", 5)
