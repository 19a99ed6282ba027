# SPDX-License-Identifier: GPL-2.0-or-later
"""Netlink messages that root in a watched namespace forges: they change no number, and
cost little.
"""

import os
import signal
import subprocess
import sys
import time

import forge
from fault_cost import cpu_seconds
from harness import (
    AGENT, HERE, LAST_POLL, MEASURABLE, STATS, Process, add_larval, discontinuity, flush_xfrm,
    slowness, stat, wait_for)
from namespaces import ALL, CLONE_NEWNET, PENDING, NamespacesTest, check, libc
from snmp import Manager

XFRM_GROUPS = 2, 3, 4, 7  # EXPIRE, SA, POLICY, MIGRATE
ADDR_GROUPS = 5, 9        # IPV4_IFADDR, IPV6_IFADDR
EVENTS, EVENT_LOSSES, RESYNCS, LAST_ERROR = (AGENT + (n, 0) for n in (7, 8, 9, 11))
BLUE = f"blue/{ALL}"


def flush():
    """With something to flush, since the kernel reports no other flush."""
    add_larval("192.0.2.9")
    flush_xfrm()


class Forged(NamespacesTest):
    def setUp(self):
        super().setUp()
        self.larval("blue", 3)
        self.scene.start("namespace blue", "pollInterval 1")
        wait_for(lambda: self.pending(BLUE) == 3, "it is polled")

    def enter(self):
        """Enters the namespace until the end of the test, or until it leaves it."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        with open(self.dir / "blue") as netns:
            check(libc.setns(netns.fileno(), CLONE_NEWNET))

        def leave():
            check(libc.setns(home, CLONE_NEWNET))
            os.close(home)
        return leave

    def inside(self, function):
        leave = self.enter()
        try:
            return function()
        finally:
            leave()

    def numbers(self):
        """Everything that a forged message could change."""
        manager = self.scene.manager
        values = {varbind.name: varbind.value for varbind in manager.walk(STATS)}
        values[BLUE] = manager.value(discontinuity(BLUE))
        for scalar in EVENTS, EVENT_LOSSES, RESYNCS:
            values[scalar] = manager.value(scalar)
        return values

    def polled(self, times=2):
        for _ in range(times):
            before = self.scene.manager.value(LAST_POLL)
            wait_for(lambda: self.scene.manager.value(LAST_POLL) != before, "it polls")

    def send_all(self, messages, protocol=forge.NETLINK_XFRM, groups=XFRM_GROUPS):
        """Sends to each socket of the daemon with that protocol, and to the groups.
        Returns how many unicasts were accepted."""
        taken = 0
        with forge.open_socket(protocol) as sock:
            ports = [port for number, port in forge.ports(self.scene.daemon.pid)
                     if number == protocol]
            self.assertEqual(len(ports), 2, "one for events and one for requests")
            for message in messages:
                for group in groups:
                    sock.sendto(message, (0, 1 << group - 1))
                for port in ports:
                    try:
                        sock.sendto(message, (port, 0))
                        taken += 1
                    except ConnectionRefusedError:
                        pass
        return taken

    def test_no_message_changes_a_number(self):
        before = self.numbers()
        info = forge.usersa_info(1, "192.0.2.99", "192.0.2.9", 1 << 60)

        def send():
            taken = self.send_all(forge.hostile_lengths())
            taken += self.send_all(forge.events(256, "192.0.2.99", "192.0.2.9"))
            taken += self.send_all([forge.address("192.0.2.77")],
                                   forge.NETLINK_ROUTE, ADDR_GROUPS)
            taken += self.send_all(forge.hostile_lengths(), forge.NETLINK_ROUTE,
                                   ADDR_GROUPS)
            return taken + self.send_all(forge.answers(info), groups=())
        self.assertEqual(self.inside(send), 0, "unicasts were taken")
        self.polled()
        self.assertEqual(self.numbers(), before)
        self.assertLogged(r"namespace blue: dropped \d+ netlink messages that the kernel did "
                          r"not send")
        self.assertIn(b"that the kernel did not send", self.scene.manager.value(LAST_ERROR))
        # messages of the kernel still arrive
        self.inside(lambda: subprocess.run(
            ["ip", "xfrm", "state", "flush"], check=True))
        wait_for(lambda: self.pending(BLUE) == 0, "the flush is seen")
        self.assertLogged("Traceback|error", 0)

    def test_it_ends_at_once_after_a_hostile_length(self):
        self.inside(lambda: self.send_all(forge.hostile_lengths()))
        status, took = self.scene.daemon.stop(signal.SIGTERM, timeout=20)
        self.assertEqual(status, 0)
        self.assertPrompt(took, 5)

    def flood(self, *groups):
        leave = self.enter()
        try:
            return Process([sys.executable, HERE / "forge.py", "flood", *groups],
                           self.scene.dir / "flood.log")
        finally:
            leave()

    def test_a_flood_costs_little(self):
        """Longer than a burst that is still read."""
        pid = self.scene.daemon.pid
        flood = self.flood(*XFRM_GROUPS)
        wait_for(lambda: "the kernel did not send" in self.scene.daemon.log(), "it floods")
        used, start = cpu_seconds(pid), time.monotonic()
        manager = Manager(self.scene.port, "public", timeout=2.0 * slowness())
        self.addCleanup(manager.close)
        asked = 0
        while time.monotonic() - start < 6:
            self.assertEqual(manager.value(stat(PENDING, BLUE)), 3)
            asked += 1
            time.sleep(0.05)
        share = (cpu_seconds(pid) - used) / (time.monotonic() - start)
        self.assertTrue(flood.alive(), flood.log())
        if MEASURABLE:
            self.assertLess(share, 0.1, f"of a core, with {asked} requests")
        flood.kill()
        self.assertLogged("the kernel did not send")
        # Events are read again, as soon as those of the flood have been.
        self.polled(4)
        events = self.scene.manager.value(EVENTS)
        self.inside(flush)
        wait_for(lambda: self.pending(BLUE) == 0, "the flush is seen")
        if MEASURABLE:  # valgrind is still busy with the flood
            wait_for(lambda: self.inside(flush) or self.scene.manager.value(EVENTS) > events,
                     "its event is read")

    def test_it_ends_at_once_in_a_flood(self):
        self.flood(*XFRM_GROUPS)
        wait_for(lambda: "the kernel did not send" in self.scene.daemon.log(), "it floods")
        status, took = self.scene.daemon.stop(signal.SIGTERM, timeout=20)
        self.assertEqual(status, 0)
        self.assertPrompt(took, 5)
