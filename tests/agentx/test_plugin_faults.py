# SPDX-License-Identifier: GPL-2.0-or-later
"""check_qmipsec: agents that are slow, dead or restarted, bad usage and bad state."""

import os
import signal

from harness import SYS_UPTIME, run, wait_for
from plugin import FULL, OK, PLUGIN, UNKNOWN, PluginTest, Relay

ONE = ["--instance", "z", "-m", "bad-spi,not-authenticated"]


class PluginAgents(PluginTest):
    def test_dead(self):
        self.scene.snmpd.stop()
        for user in [], FULL:
            self.assertInTime("nothing listens on 127.0.0.1, UDP port", *user)
        self.assertInTime("cannot reach no.such.invalid", host="no.such.invalid")

    def assertFrozen(self, process, text):
        process.send(signal.SIGSTOP)
        for user in [], FULL:
            self.assertInTime(text, *user)
        process.send(signal.SIGCONT)
        wait_for(lambda: self.run_plugin().returncode == OK, "it answers again")

    def test_frozen(self):
        self.assertFrozen(self.scene.snmpd, "no answer from 127.0.0.1")

    def test_slow(self):
        """Each answer is in time, all of them are not."""
        for user in [], FULL:
            relay = Relay(self.scene.port, delay=4.0)
            relay.start()
            self.assertInTime("answers too slowly: not within 6 s", *user, "-e", "0",
                              seconds=6, port=relay.port)
            relay.stop()

    def test_wrong_community(self):
        self.assertInTime("answers, but not to this community", "-C", "nobody")

    def test_frozen_daemon(self):
        self.assertFrozen(self.scene.daemon,
                          "qmipsecd does not: it hangs|genErr|shows no QMIPSEC-MIB")

    def test_no_daemon(self):
        self.scene.daemon.stop()
        wait_for(lambda: "shows no QMIPSEC-MIB" in self.run_plugin().stdout, "it has gone")
        self.assertInTime("answers, but shows no QMIPSEC-MIB at .*qmipsecd does not run")

    def test_another_root(self):
        self.assertInTime(r"shows no QMIPSEC-MIB at .1.3.6.1.4.1.99999.1:", "--root",
                          "1.3.6.1.4.1.99999")

    def test_usage(self):
        for text, arguments in (
                ('no metric "nil"', ["-m", "nil"]), ("--warning needs --mode", ["-w", "1"]),
                ("1 ranges for 2 metrics", ["-m", "sas,replay", "-c", "1"]),
                ('"x" is not a range', ["-m", "sas", "-w", "x"]),
                ('"5:1" is not a range', ["-m", "sas", "-c", "5:1"]),
                ("not an OID", ["--root", "enterprises"]), ("no UDP port", ["-p", "70000"]),
                ("2c or 3", ["-P", "1"]), ("needs a user", ["-P", "3"]),
                ("no security level", ["-L", "none"]), ("less than 8", ["-A", "short"]),
                ("no authentication protocol", ["-a", "SHA-0"]),
                ("no privacy protocol", ["-x", "ROT13"]), ("at least a second", ["-t", "0"]),
                ("authPriv needs -A", ["-U", "full", "-L", "authPriv"]),
                ("authPriv needs -X", [*FULL[:6], "-L", "authPriv"])):
            with self.subTest(text=text):
                self.assertStatus(UNKNOWN, text, *arguments)
        self.assertEqual(run(PLUGIN).returncode, UNKNOWN)
        self.assertIn("no host", run(PLUGIN).stdout)
        self.assertIn("not-authenticated", run(PLUGIN, "--help").stdout)


class PluginState(PluginTest):
    def setUp(self):
        super().setUp()
        self.assertStatus(OK, "first run", *ONE)
        self.good = self.state_file().read_bytes()
        self.file = self.state_file()

    def assertNoRate(self, why):
        self.assertStatus(OK, why, *ONE)

    def test_restart_of_the_agent(self):
        """Also of the whole host: sysUpTime begins at 0 again."""
        self.let_time_pass()
        self.scene.snmpd.stop()
        self.scene.start_snmpd()
        self.scene.wait_attached()
        data = self.assertStatus(OK, "0 bad SPIs/s", *ONE)
        self.assertEqual(data["bad_spi"][0], 0)

    def test_restart_of_the_daemon(self):
        """With its state the rate goes on. Without it, a discontinuity."""
        # Later than the start by more than two TimeStamps of one time can differ.
        wait_for(lambda: self.scene.manager.value(SYS_UPTIME) > 400, "time passes")
        self.assertStatus(OK, "0 bad SPIs/s", *ONE)
        self.let_time_pass()
        self.scene.daemon.stop()
        self.start_daemon("again.log")
        self.assertStatus(OK, "0 bad SPIs/s", *ONE)
        self.let_time_pass()
        self.scene.daemon.stop()
        self.scene.state_file.unlink()
        self.count(7 + 10 ** 9)
        self.start_daemon("anew.log")
        self.assertNoRate("no rate: the counter had a discontinuity")
        self.let_time_pass()
        self.assertStatus(OK, "0 bad SPIs/s", *ONE)

    def counters(self, state):
        return [sample for key, sample in state["counters"].items()
                if key.endswith("\tbad-spi")]

    def test_what_the_last_run_says(self):
        """The state of earlier runs, made from that of one that was."""
        self.let_time_pass()

        def decreased(state):
            self.counters(state)[0][0] = "1000"

        def had_a_gap(state):
            state["uptime"] = 1
            self.counters(state)[0][1] = "0"

        def old(state):
            state["counters"].clear()

        def restarted(state):
            state["uptime"] = 10 ** 9

        for why, change in (("no rate: the counter decreased", decreased),
                            ("no rate: the counter had a discontinuity", had_a_gap),
                            ("no rate: the counter had a discontinuity", restarted),
                            ("no rate: first run", old)):
            with self.subTest(change=change.__name__):
                self.file.write_bytes(self.good)
                self.edit(change)
                self.assertNoRate(why)

    def spoiled(self):
        yield "damaged", b""
        yield "damaged", self.good[:-1]
        yield "damaged", b"[]"
        yield "damaged", b"#!/bin/sh\n"
        yield "damaged", self.good.replace(b'"uptime":', b'"uptime":"x","u":')
        yield "damaged", self.good.replace(b'"time":', b'"time":-')
        yield "damaged", self.good.replace(b'["7"', b'["7e7"')
        yield "damaged", self.good.replace(b'["7"', b'[["7"]')
        yield "of another check", self.good.replace(b"127.0.0.1", b"192.0.2.77")
        yield "too large", bytes(5 * 10 ** 6)

    def test_damaged(self):
        """It is rejected and replaced, with one word about it, and no alarm."""
        for why, data in self.spoiled():
            with self.subTest(why=why, data=data[:40]):
                self.assertNotEqual(data, self.good)
                self.file.write_bytes(data)
                self.assertNoRate(f"the state was rejected: {self.file} is {why}")
                self.assertEqual(self.saved()["check"].split("\t")[0], "127.0.0.1")
        self.let_time_pass()
        self.assertStatus(OK, "0 bad SPIs/s", *ONE)

    def test_no_regular_file(self):
        target = self.scene.dir / "target"
        target.write_text("precious")
        for why, make in (("not a regular file", lambda: os.mkfifo(self.file)),
                          ("", lambda: self.file.symlink_to(target)),
                          ("of another user", lambda: self.other_user())):
            with self.subTest(why=why):
                self.file.unlink()
                make()
                self.assertNoRate(f"the state was rejected: {self.file}.* {why}")
                self.assertTrue(self.file.is_file() and not self.file.is_symlink())
                self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(target.read_text(), "precious")
        self.assertEqual(len(list(self.states.iterdir())), 1)

    def other_user(self):
        self.file.write_bytes(self.good)
        os.chown(self.file, 1, 1)

    def test_no_place_for_it(self):
        self.file.unlink()
        self.file.mkdir()
        self.assertStatus(UNKNOWN, f"cannot write the state {self.file}: ", *ONE)
        self.file.rmdir()
        self.assertEqual(list(self.states.iterdir()), [])
        self.states.rmdir()
        self.states.write_text("a file")
        self.assertStatus(UNKNOWN, f"cannot write to the state directory {self.states}", *ONE)

    def test_a_file_for_each_check(self):
        for arguments in ([], ["--instance", "z"], ["--instance", "z", "-m", "replay"],
                          ["-U", "full", *FULL[2:]]):
            self.run_plugin(*arguments)
        self.assertEqual(len(list(self.states.iterdir())), 4)

    def test_standard_place(self):
        """That of the other plugins, for each user."""
        place = self.scene.dir / "mp"
        run(PLUGIN, "-H", "127.0.0.1", "-p", self.scene.port,
            env={**os.environ, "MP_STATE_PATH": str(place)})
        found = [path.relative_to(place) for path in place.rglob("*.json")]
        self.assertEqual([str(path.parent) for path in found],
                         [f"{os.geteuid()}/check_qmipsec"])
