# SPDX-License-Identifier: GPL-2.0-or-later
"""Life with a master that is late, dies, hangs, or is none."""

import contextlib
import random
import re
import signal
import socket
import time

from harness import (
    INSTANCE, LAST_POLL, RE_ATTACH, ROOT, SYS_OR_ID, SYS_UPTIME, VERSION, SceneTest,
    discontinuity, fds, free_port, holds_for, wait_for)
from masters import FakeMaster, pdu, response
from snmp import Manager

CONFIG = ["instance z local 192.0.2.1", "instance tcp:default local 192.0.2.2"]
NAMES = ["z", "tcp:default", "unattributed"]
WAITING = r"waiting"
# Seconds in which a signal is to end the daemon, whatever the master does: it takes a few
# milliseconds, and with Net-SNMP's own time-outs 14.
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
        self.assertLogged("attached to the AgentX master")

    def test_stopped_while_it_waits(self):
        for number in signal.SIGTERM, signal.SIGINT:
            self.scene.start_daemon(log=f"{number}.log")
            wait_for(lambda: re.search(WAITING, self.scene.daemon.log()), "it waits")
            self.assertStops(number)

    def test_socket_from_the_configuration(self):
        """agentXSocket and agentXPingInterval, as Net-SNMP's own subagents have them."""
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

    def test_the_session_stays(self):
        """A master that is late is not dead: polls go on, and the first request after it is
        back is answered, over the same session."""
        self.scene.start(*self.CONFIG, "agentXPingInterval 1")
        self.freeze()
        mtime = self.scene.state_file.stat().st_mtime_ns if \
            self.scene.state_file.exists() else 0
        saves = set()

        def saved_thrice():
            with contextlib.suppress(FileNotFoundError):
                saves.add(self.scene.state_file.stat().st_mtime_ns)
            return len(saves - {mtime}) >= 3

        wait_for(saved_thrice, "the state is saved while the master hangs")
        wait_for(lambda: "has not answered for" in self.scene.daemon.log(), "it says so")
        self.thaw()
        last, now = self.scene.manager.get(LAST_POLL, SYS_UPTIME).varbinds
        self.assertLess(abs(now.value - last.value), 200)
        wait_for(lambda: "answers again" in self.scene.daemon.log(), "it says so")
        self.assertLogged("has not answered for")
        self.assertLogged("master is gone|waiting", 0)
        self.assertLogged("attached")
        self.assertStops()

    def test_term_at_once(self):
        self.scene.start(*self.CONFIG)
        self.freeze()
        self.assertStops()

    def test_int_while_a_ping_is_unanswered(self):
        self.scene.start(*self.CONFIG, "agentXPingInterval 1")
        self.freeze()
        wait_for(lambda: "has not answered for" in self.scene.daemon.log(), "a ping")
        self.assertStops(signal.SIGINT)

    def test_replaced_by_another(self):
        """A snmpd that hangs for good keeps its end of the connection open; another that
        has been started in its place is found by the socket's path."""
        self.scene.start(*self.CONFIG, "agentXPingInterval 1")
        self.freeze()
        hanging, port = self.scene.snmpd, self.scene.port
        self.scene.port = free_port()
        self.scene.manager = Manager(self.scene.port, "public")
        self.scene.start_snmpd()
        self.assertBack()
        self.scene.port = port
        hanging.kill()

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

    def test_full_backlog(self):
        """With it a connect() that blocks would wait for ever."""
        self.scene.configure(*self.CONFIG)
        self.scene.start_snmpd()
        self.freeze()
        stack = self.fill_backlog()
        self.scene.start_daemon(log="first.log")
        wait_for(lambda: re.search(WAITING, self.scene.daemon.log()), "it waits")
        wait_for(self.scene.state_file.exists, "it polls and saves")
        self.assertStops()

        self.scene.start_daemon(log="second.log")
        wait_for(lambda: re.search(WAITING, self.scene.daemon.log()), "it waits")
        stack.close()
        self.thaw()
        self.assertLess(self.assertBack(), RE_ATTACH)
        self.assertStops()


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


class Tcp(MasterTest):
    """Over TCP neither a name server nor a host that does not answer holds the daemon up."""

    CONFIG = [*CONFIG, "pollInterval 0.2", "saveInterval 1"]

    def polls_and_stops(self, socket_name, reason):
        self.scene.configure(*self.CONFIG)
        arguments = self.scene.arguments()
        self.scene.arguments = lambda *more: ["-x", socket_name, *arguments[2:], *more]
        self.scene.start_daemon()
        wait_for(self.scene.state_file.exists, "it polls and saves")
        wait_for(lambda: re.search(reason, self.scene.daemon.log()), reason)
        mtime = self.scene.state_file.stat().st_mtime_ns
        wait_for(lambda: self.scene.state_file.stat().st_mtime_ns != mtime, "it saves again")
        self.assertStops()
        self.assertLogged("waiting for an AgentX master")

    def test_host_that_does_not_answer(self):
        """The backlog is full, so that the kernel drops what asks for a connection."""
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        self.polls_and_stops(f"tcp:127.0.0.1:{listener.getsockname()[1]}",
                             "Connection timed out")

    def test_refused_port(self):
        self.polls_and_stops("tcp:127.0.0.1:9", r"Connection refused\); snmpd.conf needs")

    def test_name_that_is_none(self):
        self.polls_and_stops("tcp:no..name:705",
                             r'not known\); is "no\.\.name" the right host')

    def over_tcp(self):
        """A scene on a TCP socket of loopback."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            name = f"tcp:localhost:{probe.getsockname()[1]}"
        conf = self.scene.snmpd_conf.read_text()
        self.scene.snmpd_conf.write_text(conf.replace(str(self.scene.socket), name))
        self.scene.socket = name

    def test_session(self):
        """As over a Unix socket: freeze, restart."""
        self.over_tcp()
        self.scene.start(*self.CONFIG, "agentXPingInterval 1")
        self.freeze()
        wait_for(lambda: "has not answered for" in self.scene.daemon.log(), "a ping")
        self.thaw()
        self.assertEqual(self.scene.names(), NAMES)
        self.assertLogged("master is gone", 0)
        self.scene.snmpd.stop(signal.SIGKILL)
        self.scene.start_snmpd()
        self.assertBack()
        self.assertLogged("master is gone")
        self.assertStops()

    def test_reload(self):
        """Another agentXSocket is connected to at once."""
        arguments = self.scene.arguments()
        self.scene.arguments = lambda *more: [*arguments[2:], *more]
        self.scene.configure(*self.CONFIG, f"agentXSocket {self.scene.dir}/nowhere")
        self.scene.start_snmpd()
        self.scene.start_daemon()
        wait_for(lambda: re.search(WAITING, self.scene.daemon.log()), "it waits")
        self.scene.configure(*self.CONFIG, f"agentXSocket {self.scene.socket}")
        self.scene.hang_up()
        self.assertBack()
        self.scene.configure(*self.CONFIG, "agentXSocket tcp:127.0.0.1:9")
        self.scene.hang_up()
        wait_for(lambda: "tcp:127.0.0.1:9 (Connection refused)" in self.scene.daemon.log(),
                 "it has left the first master")
        wait_for(lambda: not self.scene.answers(VERSION), "and serves there no more")
