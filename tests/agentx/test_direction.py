# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses that the kernel treats as local, but that are not on an interface."""

import subprocess

from harness import SceneTest, active, add_larval, stat, wait_for

ALL = "unattributed"
TRUE, FALSE = 1, 2
ANYIP = {"four": ("203.0.113.0/25", "203.0.113.9"), "six": ("2001:db8:9::/64", "2001:db8:9::9")}


def route(verb, prefix):
    subprocess.run(["ip", "route", verb, "local", prefix, "dev", "lo"], check=True)


class Direction(SceneTest):
    def setUp(self):
        super().setUp()
        self.scene.start("pollInterval 0.1", "maxAge 0.01", "instance group local 239.1.2.3",
                         *(f"instance {name} local {addr}" for name, (_, addr) in ANYIP.items()))

    def are_active(self, want):
        return all(self.scene.manager.value(active(name)) == want for name in ANYIP)

    def test_local_by_route(self):
        """Within the 5 s for which an answer is cached, and a poll."""
        wait_for(lambda: self.are_active(FALSE), "no route makes them local yet")
        for name, (prefix, addr) in ANYIP.items():
            route("add", prefix)
            self.addCleanup(subprocess.run, ["ip", "route", "del", "local", prefix, "dev", "lo"],
                            capture_output=True)
            add_larval(addr)
        wait_for(lambda: self.are_active(TRUE), "they are local")
        for name in ANYIP:
            wait_for(lambda: self.scene.manager.value(
                stat("PendingKeyOperations", name)) == 1, "the SA is the instance's")
        self.assertEqual(self.scene.manager.value(stat("PendingKeyOperations", ALL)), 0)
        for prefix, _ in ANYIP.values():
            route("del", prefix)
        wait_for(lambda: self.are_active(FALSE), "they are no longer local")

    def test_a_group(self):
        add_larval("239.1.2.3")
        wait_for(lambda: self.scene.manager.value(
            stat("PendingKeyOperations", "group")) == 1, "the SA is the instance's")
        self.assertEqual(self.scene.manager.value(active("group")), TRUE)
