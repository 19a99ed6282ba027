# SPDX-License-Identifier: GPL-2.0-or-later
"""Life with a master that is late, dies, hangs, or is none."""

import contextlib
import os
import random
import re
import signal
import socket
import struct
import threading
import time
from pathlib import Path

from harness import (
    INSTANCE, LAST_POLL, RE_ATTACH, ROOT, SYS_OR_ID, SYS_UPTIME, VERSION, SceneTest,
    discontinuity, fds, holds_for, wait_for)

CONFIG = ["instance z local 192.0.2.1", "instance tcp:default local 192.0.2.2"]
NAMES = ["z", "tcp:default", "unattributed"]
WAITING = r"waiting"
# Seconds in which a signal is to end the daemon, whatever the master does: it takes well
# under one, and with Net-SNMP's own time-outs 14.
QUICK = 5.0


class MasterTest(SceneTest):
    def has_sysor(self):
        return [bind.value for bind in self.scene.manager.walk(SYS_OR_ID)].count(ROOT) == 1

    def assertBack(self, timeout=RE_ATTACH):
        took = self.scene.wait_attached(timeout)
        self.assertEqual(self.scene.names(), NAMES)
        wait_for(self.has_sysor, "one sysORTable entry", timeout - took + 0.1)
        return took

    def freeze(self):
        self.scene.snmpd.send(signal.SIGSTOP)
        self.addCleanup(self.thaw)

    def thaw(self):
        if self.scene.snmpd.alive():
            self.scene.snmpd.send(signal.SIGCONT)

    def assertStops(self, number=signal.SIGTERM):
        """Soon, as if nothing were wrong; the state is saved."""
        status, took = self.scene.daemon.stop(number)
        self.assertEqual(status, 0, self.scene.daemon.log())
        self.assertLess(took, QUICK)
        self.assertTrue(self.scene.state_file.exists())

    def notices_hang(self):
        wait_for(lambda: "master is gone" in self.scene.daemon.log(),
                 "the daemon gives the session up")


class Start(MasterTest):
    def test_no_snmpd_yet(self):
        """It says once that it waits, whatever the number of attempts."""
        self.scene.configure(*CONFIG)
        daemon = self.scene.start_daemon()
        wait_for(lambda: re.search(WAITING, daemon.log()), "it says that it waits")
        self.assertLogged(f"waiting for .*AgentX master at {self.scene.socket}")
        said = daemon.log()
        holds_for(lambda: daemon.alive() and daemon.log() == said, "silence", 4.5)
        self.scene.start_snmpd()
        self.assertLess(self.assertBack(), RE_ATTACH)
        self.assertLogged(WAITING)

    def test_stopped_while_it_waits(self):
        for number in signal.SIGTERM, signal.SIGINT:
            self.scene.start_daemon(log=f"{number}.log")
            wait_for(lambda: re.search(WAITING, self.scene.daemon.log()), "it waits")
            self.assertStops(number)

    def test_socket_from_the_configuration(self):
        """agentXSocket and agentXPingInterval are Net-SNMP's own directives."""
        self.scene.configure(*CONFIG, f"agentXSocket {self.scene.socket}",
                             "agentXPingInterval 10")
        arguments = self.scene.arguments()
        self.scene.arguments = lambda *more: [*arguments[2:], *more]  # no -x
        self.scene.start_daemon()
        wait_for(lambda: re.search(WAITING, self.scene.daemon.log()), "it waits")
        self.scene.start_snmpd()
        # It would be, had it not read the interval.
        holds_for(lambda: not self.scene.answers(VERSION), "not attached", 4)
        self.assertBack(60)

    def test_option_beats_configuration(self):
        self.scene.configure(*CONFIG, f"agentXSocket {self.scene.dir}/nowhere")
        self.scene.start_snmpd()
        self.scene.start_daemon()
        self.assertBack()

    def test_signals_end_it(self):
        for number in signal.SIGTERM, signal.SIGINT:
            if not self.scene.snmpd:
                self.scene.start_snmpd()
            self.scene.configure(*CONFIG)
            self.scene.start_daemon(log=f"{number}.log")
            self.assertBack()
            self.assertStops(number)
            wait_for(lambda: not self.scene.manager.walk(INSTANCE), "snmpd lets its rows go")


class Restart(MasterTest):
    def test_ten_restarts(self):
        """By TERM and by KILL in turn: everything comes back, and nothing piles up."""
        self.scene.start(*CONFIG, "agentXPingInterval 1")
        self.assertBack()
        before = fds(self.scene.daemon.pid)
        for number in [signal.SIGTERM, signal.SIGKILL] * 5:
            self.scene.snmpd.stop(number)
            self.scene.start_snmpd()
            self.assertLess(self.assertBack(), RE_ATTACH)
            self.assertEqual(fds(self.scene.daemon.pid), before)
        self.assertLogged("master is gone", 10)
        self.assertStops()

    def test_killed_daemon(self):
        """A new one takes the old one's place at once, as often as it comes."""
        self.scene.start(*CONFIG)
        for number in range(10):
            self.scene.daemon.stop(signal.SIGKILL)
            self.scene.start_daemon(log=f"{number}.log")
            self.assertBack()
            self.assertLogged(f"regist|{WAITING}", 0)

    def test_time_stamps(self):
        """What was before the master's start is reported as 0."""
        self.scene.start("pollInterval 0.2", *CONFIG)
        value = self.scene.manager.value
        wait_for(lambda: value(SYS_UPTIME) > 300, "sysUpTime")
        for number in signal.SIGTERM, signal.SIGKILL:
            self.scene.snmpd.stop(number)
            self.scene.start_snmpd()
            self.assertLess(self.assertBack(), RE_ATTACH)
            for name in NAMES:
                self.assertEqual(value(discontinuity(name)), 0)
            last, now = self.scene.manager.get(LAST_POLL, SYS_UPTIME).varbinds
            self.assertGreater(last.value, 0)
            self.assertLess(abs(now.value - last.value), 200)


class Freeze(MasterTest):
    CONFIG = [*CONFIG, "pollInterval 0.2", "saveInterval 1"]

    def test_polls_go_on_and_service_is_back(self):
        self.scene.start(*self.CONFIG)
        self.freeze()
        mtime = self.scene.state_file.stat().st_mtime_ns if \
            self.scene.state_file.exists() else 0
        saves = set()

        def saved_thrice():
            with contextlib.suppress(FileNotFoundError):
                saves.add(self.scene.state_file.stat().st_mtime_ns)
            return len(saves - {mtime}) >= 3

        wait_for(saved_thrice, "the state is saved while the master hangs")
        self.notices_hang()
        self.thaw()
        self.assertLess(self.assertBack(), RE_ATTACH)
        last, now = self.scene.manager.get(LAST_POLL, SYS_UPTIME).varbinds
        self.assertLess(abs(now.value - last.value), 200)
        self.assertLogged("master is gone")
        self.assertStops()

    def test_term_at_once(self):
        self.scene.start(*self.CONFIG)
        self.freeze()
        self.assertStops()

    def test_int_during_the_attempts(self):
        self.scene.start(*self.CONFIG)
        self.freeze()
        self.notices_hang()
        self.assertStops(signal.SIGINT)

    def test_start_with_a_frozen_master(self):
        self.scene.configure(*self.CONFIG)
        self.scene.start_snmpd()
        self.freeze()
        self.scene.start_daemon()
        wait_for(lambda: re.search(WAITING, self.scene.daemon.log()), "it waits")
        self.thaw()
        self.assertLess(self.assertBack(), RE_ATTACH)

    def fill_backlog(self):
        """As hundreds of attempts would, in an hour; connect() then blocks."""
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        while True:
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            try:
                client.connect(str(self.scene.socket))
            except BlockingIOError:
                return stack

    def test_long_freeze(self):
        """With a full backlog connect() would wait for ever."""
        self.scene.start(*self.CONFIG)
        self.freeze()
        stack = self.fill_backlog()
        self.notices_hang()
        with contextlib.suppress(AssertionError):  # where /proc shows it, at the worst time
            wait_for(lambda: "unix_" in Path(f"/proc/{self.scene.daemon.pid}/wchan")
                     .read_text(), "the daemon waits in connect()", 3)
        self.assertStops()

        self.scene.start_daemon(log="second.log")
        wait_for(lambda: re.search(WAITING, self.scene.daemon.log()), "it waits")
        stack.close()
        self.thaw()
        self.assertLess(self.assertBack(), RE_ATTACH)
        self.assertStops()


class FakeMaster(threading.Thread):
    """Something that listens on the AgentX socket and is no master."""

    def __init__(self, path, answer):
        super().__init__(daemon=True)
        self.path, self.answer = str(path), answer
        self.visits = 0
        self.clients = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.clients.append(client)
                self.visits += 1
                with contextlib.suppress(OSError):
                    self.answer(client)

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.join()
        for sock in (self.listener, *self.clients):
            sock.close()
        os.unlink(self.path)


def pdu(kind, payload=b"", length=None, version=1, flags=0x10, packet=1):
    """An AgentX header (RFC 2741, section 6.1) and what follows it."""
    header = struct.pack(">BBBBIII", version, kind, flags, 0, 7, 0, packet)
    return header + struct.pack(">I", len(payload) if length is None else length) + payload


def response(client, error):
    """To the first request, with its packet's number."""
    asked = client.recv(65536)
    number, = struct.unpack_from("<I" if not asked[2] & 0x10 else ">I", asked, 12)
    client.sendall(pdu(18, struct.pack(">IHH", 0, error, 0), packet=number))
    return asked


def serve_lies(client):
    """Opens the session, then asks for things that no master asks for."""
    response(client, 0)
    noise = random.Random(7)
    for kind in (5, 6, 7, 8, 9, 10, 11, 18, 200):
        client.sendall(pdu(kind, noise.randbytes(noise.randrange(64))))


def close_after(answers):
    """As a master that is killed when it has answered so many requests."""
    def serve(client):
        for _ in range(answers):
            response(client, 0)
        client.recv(65536)
        client.close()
    return serve


class NoMaster(MasterTest):
    NONSENSE = {
        "closes at once": lambda client: client.close(),
        "never answers": lambda client: None,
        "random bytes": lambda client: client.sendall(random.Random(1).randbytes(4096)),
        "zeros": lambda client: client.sendall(bytes(4096)),
        "another version": lambda client: client.sendall(pdu(18, bytes(8), version=9)),
        "half a header": lambda client: (client.sendall(pdu(18)[:11]), client.close()),
        "an endless message": lambda client: client.sendall(pdu(18, length=0x7FFFFFF0)),
        "a negative length": lambda client: client.sendall(pdu(18, length=0xFFFFFFFC)),
        "a refusal": lambda client: response(client, 267),
        "lies": serve_lies,
    }

    def visit(self, what, answer, visits=1):
        master = FakeMaster(self.scene.socket, answer)
        master.start()
        try:
            wait_for(lambda: master.visits >= visits or not self.scene.daemon.alive(),
                     f"a visit of a master that {what}")
        finally:
            master.stop()
        self.assertTrue(self.scene.daemon.alive(), f"{what}: " + self.scene.daemon.log())

    def test_nonsense(self):
        """The daemon lives, and serves once the real one is there."""
        self.scene.configure(*CONFIG, "agentXPingInterval 1")
        self.scene.start_daemon()
        wait_for(lambda: re.search(WAITING, self.scene.daemon.log()), "it waits")
        before = fds(self.scene.daemon.pid)
        for what, answer in self.NONSENSE.items():
            self.visit(what, answer)
        self.scene.start_snmpd()
        self.assertLess(self.assertBack(), RE_ATTACH)
        self.assertLessEqual(fds(self.scene.daemon.pid), before + 1)
        self.assertStops()

    def test_attempts_do_not_multiply(self):
        """One attempt in each interval, and at most a line for each, however it fails."""
        self.scene.configure("agentXPingInterval 1")
        daemon = self.scene.start_daemon()
        wait_for(lambda: re.search(WAITING, daemon.log()), "it waits")
        master = FakeMaster(self.scene.socket, self.NONSENSE["closes at once"])
        self.addCleanup(master.stop)
        master.start()
        lines = len(daemon.log().splitlines())
        holds_for(lambda: master.visits <= 7, "one attempt a second", 6)
        wait_for(lambda: master.visits >= 4, "it goes on trying")
        self.assertLessEqual(len(daemon.log().splitlines()), lines + master.visits)

    def dies_after(self, answers):
        """The tables are there with the next one."""
        self.scene.configure(*CONFIG, "agentXPingInterval 1")
        self.scene.start_daemon()
        self.visit(f"dies after {answers} answers", close_after(answers), 2)
        self.scene.start_snmpd()
        self.assertLess(self.assertBack(), RE_ATTACH)
        self.assertStops()

    def test_master_that_dies_after_the_open(self):
        self.dies_after(1)

    def test_master_that_dies_after_one_registration(self):
        self.dies_after(2)

    def test_master_that_dies_after_two_registrations(self):
        self.dies_after(3)
