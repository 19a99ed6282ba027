# SPDX-License-Identifier: GPL-2.0-or-later
"""What another user on the host, and a manager, can reach of the daemon."""

import contextlib
import errno
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import forge
from harness import AGENT, AS_SERVICE, POLLS, Process, SceneTest, run, slowness, wait_for

NOBODY = 65534
LAST_POLL_DURATION = AGENT + (5, 0)  # µs
SNMPD_SOCKET = "agentXPerms 0660 0755 nobody nogroup"


def as_nobody(function, groups=NOBODY):
    """Runs it in a child without privileges. Returns the names of the errors, one for each
    call."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(groups)
            os.setuid(NOBODY)
            os.write(writer, " ".join(function()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as text:
        return text.read().split()


def error_of(function, *arguments):
    try:
        function(*arguments)
    except OSError as err:
        return errno.errorcode[err.errno]
    return "none"


class Exposure(SceneTest):
    def setUp(self):
        super().setUp()
        # The tests' own root directories are not for others.
        (self.scene.dir / "state").chmod(0o700)
        os.chown(self.scene.dir / "state", NOBODY, NOBODY)
        with self.scene.snmpd_conf.open("a") as conf:
            conf.write(SNMPD_SOCKET + "\n")
        self.scene.configure("saveInterval 1")
        self.scene.start_snmpd()
        self.scene.start_daemon(wrapper=AS_SERVICE)
        self.scene.wait_attached()
        self.pid = self.scene.daemon.pid

    def sockets(self):
        """The inodes of its sockets."""
        found = set()
        for path in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since
                if match := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(path)):
                    found.add(match[1])
        return found

    def inodes(self, *tables):
        return {word for table in tables
                for line in Path(f"/proc/{self.pid}/net/{table}").read_text().splitlines()
                for word in line.split()}

    def test_no_socket_of_the_network(self):
        """Netlink sockets, and one to snmpd."""
        mine = self.sockets()
        self.assertGreaterEqual(len(mine), 4)
        there = "tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet", "udplite", "icmp"
        self.assertEqual(mine & self.inodes(*[table for table in there if Path(
            f"/proc/{self.pid}/net/{table}").exists()]), set())
        self.assertEqual(mine - self.inodes("netlink", "unix"), set())

    def test_memory_is_not_for_its_own_user(self):
        """A process of the same user with the same rights cannot read its memory."""
        def readable(pid):
            return [name for name in ("mem", "maps", "environ", "auxv")
                    if run(*AS_SERVICE, "head", "-c", "1", f"/proc/{pid}/{name}").stdout]

        other = Process([*AS_SERVICE, "sleep", "600"], self.scene.dir / "other.log")
        wait_for(lambda: readable(other.pid) == ["maps", "environ", "auxv"],
                 "a process that is not protected")
        self.assertEqual(readable(self.pid), [])

    def test_state_is_for_its_own_user(self):
        wait_for(self.scene.state_file.exists, "it has been saved")
        self.assertEqual(self.scene.state_file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.scene.state_file.stat().st_uid, NOBODY)

    def test_another_user_cannot_forge(self):
        """The kernel takes no netlink message to the daemon from a process without
        CAP_NET_ADMIN. With it, only one to a group arrives (test_forged.py): the daemon's
        sockets are connected to the kernel."""
        ports = [int(line.split()[2]) for line in Path(
            f"/proc/{self.pid}/net/netlink").read_text().splitlines()[1:]
            if line.split()[9] in self.sockets() and line.split()[1] == "6"]
        self.assertGreaterEqual(len(ports), 2)

        def send(to):
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                               forge.NETLINK_XFRM) as sender:
                sender.sendto(forge.message(forge.FLUSHSA, b"\xff"), to)

        targets = [(port, 0) for port in ports] + [(0, 1 << 2)]
        self.assertEqual(as_nobody(lambda: [error_of(send, to) for to in targets]),
                         ["EPERM"] * len(targets))
        self.assertEqual([error_of(send, to) for to in targets],
                         ["ECONNREFUSED"] * len(ports) + ["none"])

    def test_another_user_cannot_reach_snmpd_there(self):
        """snmpd's socket is for the daemon's group."""
        def connect():
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.scene.socket))

        os.chown(self.scene.socket, 0, NOBODY)
        self.assertEqual(as_nobody(lambda: [error_of(connect)], groups=1), ["EACCES"])
        self.assertEqual(as_nobody(lambda: [error_of(connect)]), ["none"])


class Manager(SceneTest):
    SAS, SECONDS, LEAST = 10000, 4, 11

    def test_polls_take_a_tenth_of_a_processor(self):
        """However often a manager asks. Without a limit these would take nearly half of
        the time: the daemon polls for each request if its data is 10 ms old."""
        batch = "xfrm state allocspi src 192.0.2.99 dst 192.0.2.1 proto esp\n" * self.SAS
        subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True,
                       stdout=subprocess.DEVNULL)
        self.scene.start("pollInterval 3600", "maxAge 0.01")
        start, took, durations = time.monotonic(), 0, {}
        while took < self.SECONDS or len(durations) < self.LEAST and took < 60:
            polls, duration = self.scene.manager.get(POLLS, LAST_POLL_DURATION).varbinds
            durations[polls.value] = duration.value / 10**6
            took = time.monotonic() - start
        self.assertGreaterEqual(len(durations), self.LEAST)
        share = sum(durations.values()) / took
        self.assertLess(share, 0.2 * slowness())
