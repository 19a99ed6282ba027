# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon has used up its descriptors, while a namespace comes, the configuration is
read again and the master restarts. Later it may open more.
"""

import os
import resource
import signal

from fault_cost import Fault
from harness import AGENT, add_larval, wait_for
from namespaces import ALL, NamespacesTest

XFRM_STAT_AVAILABLE, LAST_ERROR = AGENT + (12, 0), AGENT + (11, 0)
MOST = 1024
# A namespace needs six, and some more while it is opened.
ROOMS = range(10)


class Descriptors(NamespacesTest):
    def setUp(self):
        super().setUp()
        add_larval("192.0.2.1")
        self.scene.start("namespace *", "pollInterval 0.1", "maxAge 0.02", "saveInterval 1",
                         "instance z local 192.0.2.1")

    def allow(self, room):
        """Lets the daemon open so many more."""
        pid = self.scene.daemon.pid
        used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
        free = [number for number in range(max(used) + room + 2) if number not in used]
        self.limit(free[room])

    def limit(self, most):
        """The soft limit: only CAP_SYS_RESOURCE may raise the hard one again."""
        pid = self.scene.daemon.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, hard))

    def is_served(self, name):
        return (f"{name}/{ALL}" in self.scene.names() and self.pending(f"{name}/{ALL}") == 2
                and name.encode() in self.xfrm_namespaces())

    def is_saved(self, name):
        return (self.scene.state_file.parent / f"qmipsecd.{name}.state").exists()

    def test_a_namespace_comes(self):
        value = self.scene.manager.value
        before = self.fds()
        for room in ROOMS:
            name = f"room{room}"
            with self.subTest(room=room):
                # that it fails and can be watched, that xfrm_stat or policies cannot be
                # read and can, that the state cannot be saved and can
                with Fault(self, f"{room} descriptors left, a namespace comes",
                           lines=9) as fault:
                    self.allow(room)
                    self.larval(name, 2)
                    fault.last(0.3)
                    self.limit(MOST)
                wait_for(lambda: self.is_served(name), f"{name} is served", 5)
                wait_for(lambda: self.is_saved(name), f"{name} is saved", 5)
                self.assertEqual(value(XFRM_STAT_AVAILABLE), 1)
                self.assertEqual(self.pending("z"), 1)
            self.delete(name)
            wait_for(lambda: self.fds() == before, f"{name} is let go", 5)

    def test_reload_and_restart_of_the_master(self):
        self.larval("blue", 2)
        self.comes("blue", timeout=5)
        before = self.fds()
        for room in 0, 1, 2:
            with self.subTest(room=room):
                with Fault(self, f"{room} descriptors left, reload, another master", lines=12,
                           service=10) as fault:
                    self.allow(room)
                    self.scene.daemon.send(signal.SIGHUP)
                    self.scene.snmpd.stop()
                    self.scene.start_snmpd()
                    self.larval("red", 2)
                    fault.last(1)
                    self.limit(MOST)
                self.scene.hang_up()
                wait_for(lambda: self.is_served("red") and self.is_served("blue"), "both", 5)
                self.assertEqual(self.pending("z"), 1)
            self.delete("red")
            wait_for(lambda: self.fds() == before, "red is let go", 5)
