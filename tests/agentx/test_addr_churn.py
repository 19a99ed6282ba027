# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses that change during dumps, which are interrupted: no poll fails for that."""

import subprocess
import sys

from harness import AGENT, LAST_POLL, Process, SceneTest, add_larval, stat, wait_for

ALL = "unattributed"
COUNT = 300
FAILED_POLLS = AGENT + (10, 0)

# Adds addresses to lo, then removes and adds each in turn for ever. Not by ip: a process
# for each would be too slow to interrupt a dump.
CHURN = f"""
import ipaddress, socket, struct
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
lo = socket.if_nametoindex("lo")
first = int(ipaddress.ip_address("198.18.0.1"))

def send(kind, flags, number):
    addr = struct.pack("!I", first + number)
    attrs = b"".join(struct.pack("=HH", 8, kind) + addr for kind in (1, 2))
    body = struct.pack("=BBBBI", socket.AF_INET, 32, 0, 0, lo) + attrs
    sock.send(struct.pack("=IHHII", 16 + len(body), kind, 1 | flags, 1, 0) + body)

for number in range({COUNT}):
    send(20, 0x600, number)
print("ready", flush=True)
while True:
    for number in range({COUNT}):
        send(21, 0, number)
        send(20, 0x600, number)
"""


class AddrChurn(SceneTest):
    def setUp(self):
        super().setUp()
        add_larval("192.0.2.1")
        self.churn = Process([sys.executable, "-c", CHURN], self.scene.dir / "churn.log")
        self.addCleanup(subprocess.run, ["ip", "address", "flush", "dev", "lo", "to",
                                         "198.18.0.0/15"], check=True)
        self.addCleanup(self.churn.kill)
        wait_for(lambda: "ready" in self.churn.log(), "there are addresses")

    def test_once_never_fails(self):
        for _ in range(50):
            done = self.scene.once("--once")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"PendingKeyOperations +1 ")
        self.assertTrue(self.churn.alive(), self.churn.log())

    def test_no_poll_is_lost(self):
        self.scene.start("pollInterval 0.1")
        for number in range(50):
            before = self.scene.manager.value(LAST_POLL)
            wait_for(lambda: self.scene.manager.value(LAST_POLL) != before, "it polls")
            if number == 25:
                add_larval("192.0.2.1")
        self.assertEqual(self.scene.manager.value(FAILED_POLLS), 0)
        self.assertEqual(self.scene.manager.value(stat("PendingKeyOperations", ALL)), 2)
        self.assertTrue(self.churn.alive(), self.churn.log())
        self.assertLogged("cannot read the kernel's SAs", 0)
