# SPDX-License-Identifier: GPL-2.0-or-later
"""A master that is late, ends, hangs, or is not a master."""

import contextlib
import random
import re
import signal
import socket
import time

import valgrind
from agentx import pdu
from harness import (
    INSTANCE, LAST_POLL, RE_ATTACH, ROOT, SYS_OR_ID, SYS_UPTIME, VERSION, SceneTest,
    discontinuity, fds, free_port, holds_for, wait_for, wake_ups)
from masters import FakeMaster, response
from snmp import Manager

CONFIG = ["instance z local 192.0.2.1", "instance tcp:default local 192.0.2.2"]
NAMES = ["z", "tcp:default", "unattributed"]
WAITING = r"waiting"
# Seconds within which a signal must end the daemon, whatever the master does. It takes a
# few milliseconds; with Net-SNMP's own timeouts it would take 14 s.
QUICK = 5.0 * (2 if valgrind.DIRECTORY else 1)


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
        """It ends soon and normally, with the state saved."""
        status, took = self.scene.daemon.stop(number)
        self.assertEqual(status, 0, self.scene.daemon.log())
        self.assertPrompt(took, QUICK)
        self.assertTrue(self.scene.state_file.exists())



class Start(MasterTest):
    def test_no_snmpd_yet(self):
        """It logs once that it waits, whatever the number of attempts."""
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
        """agentXSocket and agentXPingInterval, as for Net-SNMP's own subagents."""
        self.scene.configure(*CONFIG, f"agentXSocket {self.scene.socket}",
                             "agentXPingInterval 10")
        arguments = self.scene.arguments()
        self.scene.arguments = lambda *more: [*arguments[2:], *more]  # no -x
        self.scene.start_daemon()
        wait_for(lambda: re.search(WAITING, self.scene.daemon.log()), "it waits")
        self.scene.start_snmpd()
        # It would be, without the interval.
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
            wait_for(lambda: not self.scene.manager.walk(INSTANCE), "snmpd drops its rows")


class Restart(MasterTest):
    def test_ten_restarts(self):
        """With TERM and KILL in turn: everything returns, and nothing accumulates, not in
        the log either."""
        self.scene.start(*CONFIG, "agentXPingInterval 1")
        self.assertBack()
        before = fds(self.scene.daemon.pid)
        for number in [signal.SIGTERM, signal.SIGKILL] * 5:
            self.scene.snmpd.stop(number)
            self.scene.start_snmpd()
            self.assertLess(self.assertBack(), RE_ATTACH)
            self.assertEqual(fds(self.scene.daemon.pid), before)
        self.assertLogged("master is gone", 2)
        self.assertLogged("ends every session soon after it begins")
        wait_for(lambda: "the session with the AgentX master" in self.scene.daemon.log(),
                 "a session lasts")
        self.assertStops()

    def test_killed_daemon(self):
        """A new master replaces the old one at once, any number of times."""
        self.scene.start(*CONFIG)
        for number in range(10):
            self.scene.daemon.stop(signal.SIGKILL)
            self.scene.start_daemon(log=f"{number}.log")
            self.assertBack()
            self.assertLogged(f"regist|{WAITING}", 0)

    def test_time_stamps(self):
        """Times before the start of the master are reported as 0."""
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


class Rest(MasterTest):
    """Between polls nothing wakes the daemon up."""

    SECONDS = 6

    def start(self):
        self.scene.start("pollInterval 3600", "maxAge 3600", "agentXPingInterval 3600",
                         "saveInterval 3600")
        self.scene.wait_attached()
        time.sleep(1)

    def test_no_wake_up(self):
        self.start()
        before = wake_ups(self.scene.daemon.pid)
        time.sleep(self.SECONDS)
        self.assertLessEqual(wake_ups(self.scene.daemon.pid) - before, 1)

    def test_directory_where_much_happens(self):
        """Each file there could be another socket. They are looked at together."""
        self.start()
        before, files = wake_ups(self.scene.daemon.pid), 0
        end = time.monotonic() + self.SECONDS
        while time.monotonic() < end:
            path = self.scene.socket.parent / f"file{files}"
            path.touch()
            path.unlink()
            files += 1
            time.sleep(0.001)
        self.assertGreater(files, 100)
        self.assertLessEqual(wake_ups(self.scene.daemon.pid) - before, 4 * self.SECONDS)


class Freeze(MasterTest):
    CONFIG = [*CONFIG, "pollInterval 0.2", "saveInterval 1"]

    def test_the_session_stays(self):
        """A master that is late has not ended: polls continue, and the first request
        afterwards is answered, over the same session."""
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

    def replace(self, *config):
        """A snmpd that hangs keeps its end of the connection open. Another one that
        replaces it is found by the path of the socket."""
        self.scene.start(*self.CONFIG, *config)
        self.freeze()
        hanging, port = self.scene.snmpd, self.scene.port
        self.scene.port = free_port()
        self.scene.manager = Manager(self.scene.port, "public")
        self.scene.start_snmpd()
        self.assertBack()
        self.scene.port = port
        hanging.kill()

    def test_replaced_by_another(self):
        self.replace()

    def test_replaced_while_a_ping_is_unanswered(self):
        self.replace("agentXPingInterval 1")

    def test_start_with_a_frozen_master(self):
        self.scene.configure(*self.CONFIG)
        self.scene.start_snmpd()
        self.freeze()
        self.scene.start_daemon()
        wait_for(lambda: re.search(WAITING, self.scene.daemon.log()), "it waits")
        self.thaw()
        self.assertLess(self.assertBack(), RE_ATTACH)

    def fill_backlog(self):
        """As after hundreds of attempts in an hour: connect() then blocks."""
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
        """A blocking connect() would wait for ever."""
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
    """Opens the session, then sends requests that no master sends."""
    response(client, 0)
    noise = random.Random(7)
    for kind in (5, 6, 7, 8, 9, 10, 11, 18, 200):
        client.sendall(pdu(kind, noise.randbytes(noise.randrange(64))))


def close_after(answers):
    """Like a master that is killed after so many answers."""
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
                     f"a master that {what}")
        finally:
            master.stop()
        self.assertTrue(self.scene.daemon.alive(), f"{what}: " + self.scene.daemon.log())

    def test_nonsense(self):
        """The daemon continues, and serves when the real master is back."""
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
        """One attempt in each interval, with at most one line for each, whatever the
        error."""
        self.scene.configure("agentXPingInterval 1")
        daemon = self.scene.start_daemon()
        wait_for(lambda: re.search(WAITING, daemon.log()), "it waits")
        master = FakeMaster(self.scene.socket, self.NONSENSE["closes at once"])
        self.addCleanup(master.stop)
        master.start()
        lines = len(daemon.log().splitlines())
        holds_for(lambda: master.visits <= 7, "one attempt a second", 6)
        wait_for(lambda: master.visits >= 4, "it continues to try")
        self.assertLessEqual(len(daemon.log().splitlines()), lines + master.visits)

    def dies_after(self, answers):
        """The next master gets the tables."""
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
    """Over TCP, neither a name server nor a host without an answer blocks the daemon."""

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
        """The backlog is full, so the kernel drops connection requests."""
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

    def over_tcp(self, host="localhost"):
        """A scene on a TCP socket of loopback."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            name = f"tcp:{host}:{probe.getsockname()[1]}"
        conf = self.scene.snmpd_conf.read_text()
        self.scene.snmpd_conf.write_text(conf.replace(str(self.scene.socket), name))
        self.scene.socket = name

    def test_session(self):
        """As over a Unix socket: frozen, restarted."""
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

    def test_host_with_two_addresses(self):
        """snmpd listens only at the one that the resolver puts last."""
        self.over_tcp("127.0.0.2")
        hosts = self.scene.dir / "hosts"
        hosts.write_text("127.0.0.1 two\n127.0.0.2 two\n")
        self.scene.start_snmpd()
        self.scene.socket = self.scene.socket.replace("127.0.0.2", "two")
        self.scene.configure(*self.CONFIG)
        self.scene.start_daemon(wrapper=[
            "unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"',
            hosts])
        self.scene.wait_attached()
        self.assertEqual(self.scene.names(), NAMES)
        self.assertLogged("waiting for an AgentX master", 0)
        self.assertStops()

    def test_reload(self):
        """The daemon connects to another agentXSocket at once."""
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
        wait_for(lambda: not self.scene.answers(VERSION), "and does not serve there any more")
