# SPDX-License-Identifier: GPL-2.0-or-later
"""What another user on the host, and a manager, can reach of the daemon."""

import contextlib
import errno
import os
import re
import socket
import subprocess
import time
import unittest
from pathlib import Path

import forge
from fault_cost import cpu_seconds
from harness import (
    AS_SERVICE, MEASURABLE, POLLS, STATS, STATS_COLUMNS, Process, SceneTest, run, wait_for)
from snmp import GETBULK, NULL, V2C, encode_message

NOBODY = 65534
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


class Endless:
    """A manager that asks all the time: as many requests as snmpd will take at once, each
    for all columns of many rows."""

    IN_FLIGHT = 16

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(20)
        names = [(STATS + (column,), NULL, None) for column in STATS_COLUMNS]
        self.request = encode_message(V2C, "public", GETBULK, 1, 0, 8, names)
        for _ in range(self.IN_FLIGHT):
            self.socket.send(self.request)

    def ask(self, seconds):
        """Returns how many answers have come in this time."""
        end, answers = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            self.socket.recv(65536)
            self.socket.send(self.request)
            answers += 1
        return answers


class Manager(SceneTest):
    SAS, SECONDS, PATIENCE = 10000, 5, 120

    def share(self, endless):
        """Of a processor, that the daemon takes."""
        start, used = time.monotonic(), cpu_seconds(self.scene.daemon.pid)
        self.assertGreater(endless.ask(self.SECONDS), 0)
        return ((cpu_seconds(self.scene.daemon.pid) - used) /
                (time.monotonic() - start))

    def spend_burst(self, endless, share):
        """Asks until the daemon has used what requests may use at once, without polls, and
        their share of the time since then."""
        start, used, took = time.monotonic(), cpu_seconds(self.scene.daemon.pid), 0
        while cpu_seconds(self.scene.daemon.pid) - used < 2.97 + share * took:
            endless.ask(0.1)
            took = time.monotonic() - start
            self.assertLess(took, self.PATIENCE)

    def test_less_than_a_tenth_of_a_processor(self):
        """Whatever a manager asks for. Without limits, requests would take half of a
        processor, and polls the other half, since there is one for each request if the
        data is 10 ms old."""
        batch = "xfrm state allocspi src 192.0.2.99 dst 192.0.2.1 proto esp\n" * self.SAS
        subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True,
                       stdout=subprocess.DEVNULL)
        self.scene.start("pollInterval 3600", "maxAge 3600")
        endless = Endless(self.scene.port)
        self.spend_burst(endless, 0.04)
        self.scene.configure("pollInterval 3600", "maxAge 0.01")
        self.scene.hang_up()
        polls = self.scene.manager.value(POLLS)
        share = self.share(endless)
        if MEASURABLE:
            self.assertLess(share, 0.1)
        self.assertGreater(self.scene.manager.value(POLLS), polls)
        start = time.monotonic()
        self.scene.manager.value(POLLS)
        self.assertPrompt(time.monotonic() - start, 1)

    @unittest.skipUnless(MEASURABLE, "the limit is one of processor time")
    def test_limit_of_requests(self):
        self.scene.start("pollInterval 3600", "maxAge 3600", "maxRequestLoad 1")
        endless = Endless(self.scene.port)
        self.spend_burst(endless, 0.01)
        self.assertLess(self.share(endless), 0.025)
        self.scene.configure("pollInterval 3600", "maxAge 3600", "maxRequestLoad 100")
        self.scene.hang_up()
        began = cpu_seconds(self.scene.daemon.pid)
        wait_for(lambda: endless.ask(0.1) and
                 cpu_seconds(self.scene.daemon.pid) - began > 1.2, "there is no limit")
