# SPDX-License-Identifier: GPL-2.0-or-later
"""A master that refuses a session, a table, or all of them, and later does not."""

import signal
import socket

from agentx import pdu
from harness import RE_ATTACH, SceneTest, holds_for, wait_for
from masters import FakeMaster, Script

OPEN, CLOSE, REGISTER, PING, ADD_AGENT_CAPS = 1, 2, 3, 13, 16
TABLES = 5
NOT_OPEN, DUPLICATE, DENIED, PROCESSING_ERROR = 257, 263, 267, 268


class RefusedTest(SceneTest):
    def setUp(self):
        super().setUp()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notify.close)
        self.notify.bind(str(self.scene.dir / "notify"))
        self.notify.settimeout(0)
        self.said = []

    def start_daemon(self, *more, log="qmipsecd.log"):
        return self.scene.start_daemon(
            *more, log=log, wrapper=["env", f"NOTIFY_SOCKET={self.scene.dir}/notify"])

    def status(self):
        """The last status line that was sent to systemd."""
        try:
            while True:
                lines = self.notify.recv(4096).decode().splitlines()
                self.said += [line[7:] for line in lines if line.startswith("STATUS=")]
        except BlockingIOError:
            return self.said[-1] if self.said else ""

    def wait_status(self, start):
        wait_for(lambda: self.status().startswith(start), f"the status line is {start!r}")


class TwoDaemons(RefusedTest):
    def test_second_gives_up(self):
        """The second of two is refused, logs that once, and exits. The first serves on."""
        self.scene.start("instance first local 192.0.2.1")
        first = self.scene.daemon
        (self.scene.dir / "second").mkdir()
        second = self.start_daemon("--state-dir", self.scene.dir / "second", log="second.log")
        wait_for(lambda: "refuses" in second.log(), "it is refused")
        self.wait_status("refused by snmpd")
        self.assertRegex(second.log(), "refuses .*Instance.*: error 263, duplicateRegistration: "
                         "another subagent serves these objects; stop the other qmipsecd")
        self.assertEqual(self.scene.names(), ["first", "unattributed"])
        self.assertEqual(second.wait()[0], 1)
        self.assertEqual(second.log().count("refuses"), 1, second.log())
        self.assertEqual(second.log().count(
            f"another qmipsecd is attached to snmpd at {self.scene.socket}: stop one of the two"), 1)
        self.assertTrue(first.alive())
        self.assertEqual(self.scene.names(), ["first", "unattributed"])


class Status(RefusedTest):
    def test_waiting_and_attached(self):
        self.start_daemon()
        self.wait_status("waiting for snmpd")
        self.scene.start_snmpd()
        self.wait_status("attached to snmpd")
        self.scene.snmpd.stop(signal.SIGKILL)
        self.wait_status("waiting for snmpd")
        self.assertEqual([line.split(" at ")[0] for line in self.said],
                         ["waiting for snmpd", "attached to snmpd", "waiting for snmpd"])


class Answers(RefusedTest):
    """Each error in each answer. The script limits the number of refusals."""

    def scripted(self, script, *config):
        self.scene.configure("agentXPingInterval 1", *config)
        master = FakeMaster(self.scene.socket, script)
        self.addCleanup(master.stop)
        master.start()
        self.start_daemon()
        return master

    def test_one_table(self):
        """The others are not registered again."""
        for error in DUPLICATE, DENIED, PROCESSING_ERROR, 5:
            with self.subTest(error=error):
                script = Script(lambda kind, nth: error if (kind, nth) in
                                ((REGISTER, 2), (REGISTER, TABLES + 1)) else 0)
                self.scripted(script)
                wait_for(lambda: script.counts[REGISTER] == TABLES + 2,
                         "the one again, twice")
                self.wait_status("attached to snmpd")
                holds_for(lambda: script.counts[REGISTER] == TABLES + 2,
                          "no more registrations", 1)
                self.assertEqual(script.counts[OPEN], 1)
                self.assertEqual(script.roots[1], script.roots[TABLES])
                self.assertEqual(script.roots[1], script.roots[TABLES + 1])
                self.assertLogged(f"refuses \\w+: error {error}, ")
                self.assertLogged("accepts all objects now")
                self.scene.close()
                self.setUp()

    def refuse_registrations(self, first, last):
        return Script(lambda kind, nth: DUPLICATE if kind == REGISTER and first <= nth <= last
                      else 0)

    def test_taken_for_a_while(self):
        """All tables, and one of them twice again, as long as the session of a daemon
        that was killed lasts."""
        script = self.refuse_registrations(1, TABLES + 2)
        self.scripted(script)
        self.wait_status("refused by snmpd")
        self.wait_status("attached to snmpd")
        self.assertEqual(script.counts[REGISTER], 2 * TABLES + 2)
        self.assertLogged("accepts all objects now")
        self.assertEqual(self.scene.daemon.stop()[0], 0)

    def test_taken_after_a_reconnection(self):
        """A daemon that has served never gives way."""
        script = self.refuse_registrations(TABLES + 1, 2 * TABLES + 6)
        master = self.scripted(script)
        self.wait_status("attached to snmpd")
        master.clients[-1].sendall(pdu(CLOSE, bytes((4, 0, 0, 0))))
        wait_for(lambda: script.counts[REGISTER] >= 2 * TABLES + 6,
                 "all refused, and six more refusals")
        self.wait_status("attached to snmpd")
        self.assertTrue(self.scene.daemon.alive())
        self.assertLogged("another qmipsecd is attached", 0)

    def test_sysor_entry(self):
        """Its refusal does not stop the tables."""
        script = Script(lambda kind, nth: DENIED if (kind, nth) == (ADD_AGENT_CAPS, 1) else 0)
        self.scripted(script)
        wait_for(lambda: script.counts[ADD_AGENT_CAPS] == 2, "the entry again")
        self.wait_status("attached to snmpd")
        self.assertEqual(script.counts[REGISTER], TABLES)

    def test_session(self):
        script = Script(lambda kind, nth: DENIED if kind == OPEN and nth < 3 else 0)
        self.scripted(script)
        self.wait_status("refused by snmpd")
        self.wait_status("attached to snmpd")
        self.assertEqual(script.counts[OPEN], 3)
        self.assertLogged(r"refuses a session: error 267, requestDenied")

    def test_timeout_of_a_session(self):
        """As configured; 0 means the master's own."""
        for config, timeout in ([], 0), (["agentXTimeout 255"], 255):
            with self.subTest(timeout=timeout):
                script = Script(lambda kind, nth: 0)
                self.scripted(script, *config)
                self.wait_status("attached to snmpd")
                self.assertEqual(script.timeouts, [timeout])
                self.scene.close()
                self.setUp()

    def test_forgotten_session(self):
        """A master that has lost the session gets a new one at once."""
        for kind in PING, REGISTER:
            with self.subTest(kind=kind):
                script = Script(lambda asked, nth: NOT_OPEN if (asked, nth) == (kind, 1) else 0)
                self.scripted(script)
                wait_for(lambda: script.counts[OPEN] == 2, "another session")
                self.wait_status("attached to snmpd")
                self.assertLogged("has forgotten the session")
                self.scene.close()
                self.setUp()

    def test_closed_by_the_master(self):
        script = Script(lambda kind, nth: 0)
        master = self.scripted(script)
        self.wait_status("attached to snmpd")
        master.clients[-1].sendall(pdu(CLOSE, bytes((4, 0, 0, 0))))
        wait_for(lambda: script.counts[OPEN] == 2, "another session")
        self.wait_status("attached to snmpd")
