# SPDX-License-Identifier: GPL-2.0-or-later
"""The state file: what continues after a restart of the daemon, and what does not."""

import os
import random
import shutil
import signal
import stat as stat_module
import subprocess

from harness import (
    DAEMON, LAST_POLL, STATS, STATS_COLUMNS, SYS_UPTIME, Process, SceneTest, active, add_larval,
    discontinuity, index_of, stat, wait_for)

CONFIG = ["instance z local 192.0.2.1", "instance gone local 192.0.2.2"]
ROWS = ["z", "gone", "unattributed"]
# The difference, in ticks, between two TimeStamps of the same time: with each connection
# the daemon reads sysUpTime again, which is late by the duration of the answer.
OFF = 100


class State(SceneTest):
    def setUp(self):
        super().setUp()
        add_larval("192.0.2.1")
        self.scene.start(*CONFIG)
        self.value = self.scene.manager.value
        # Later than the first start by more than the clocks can differ.
        began = self.value(SYS_UPTIME)
        wait_for(lambda: self.value(SYS_UPTIME) > began + 2 * OFF, "time goes by")

    def stop(self, number=signal.SIGTERM):
        self.scene.daemon.stop(number)
        wait_for(lambda: not self.scene.answers(discontinuity("z"), 20), "snmpd lets it go")

    def start_again(self, log, *config):
        if config:
            self.scene.configure(*config)
        self.scene.start_daemon(log=log)
        self.scene.wait_attached()

    def discontinuities(self):
        return {name: self.value(discontinuity(name)) for name in ROWS}

    def stats(self, name):
        return [self.value(STATS + (column,) + index_of(name)) for column in STATS_COLUMNS]

    def assertGoesOn(self, before):
        for name, ticks in self.discontinuities().items():
            self.assertAlmostEqual(ticks, before[name], delta=OFF, msg=name)

    def assertStartedAnew(self, before):
        for name, ticks in self.discontinuities().items():
            self.assertGreater(ticks, before[name] + OFF, name)

    def test_restart_goes_on(self):
        before = self.discontinuities()
        stats = {name: self.stats(name) for name in ROWS}
        self.assertEqual(stats["z"][1], 1)
        self.stop()
        self.assertEqual(self.scene.state_file.stat().st_mode & 0o777, 0o600)
        self.start_again("again.log")
        self.assertGoesOn(before)
        self.assertEqual({name: self.stats(name) for name in ROWS}, stats)
        self.assertLogged("state|anew", 0)

    def test_rows_stay(self):
        """A row that is no longer configured says so."""
        before = self.discontinuities()
        self.stop()
        self.start_again("again.log", "instance z local 192.0.2.1")
        self.assertEqual(self.scene.names(), ROWS)
        self.assertEqual(self.value(active("gone")), 2)
        self.assertEqual(self.value(active("z")), 1)
        self.assertGoesOn(before)

    def test_larval_sas_that_came_and_went_meanwhile(self):
        self.stop()
        subprocess.run(["ip", "xfrm", "state", "flush"], check=True)
        for _ in range(3):
            add_larval("192.0.2.2")
        self.start_again("again.log")
        self.assertEqual(self.value(stat("PendingKeyOperations", "z")), 0)
        self.assertEqual(self.value(stat("PendingKeyOperations", "gone")), 3)

    def test_without_file(self):
        """As after a reboot: only configured rows, and a discontinuity."""
        before = self.discontinuities()
        self.stop()
        self.scene.state_file.unlink()
        self.start_again("again.log")
        self.assertStartedAnew(before)

    def test_kill(self):
        """The last save is restored, but SAs may have been added and deleted since,
        which is a discontinuity. saveInterval is at least a second."""
        self.stop()
        self.start_again("first.log", *CONFIG, "saveInterval 1", "pollInterval 0.2")
        saved = self.scene.state_file.stat().st_mtime_ns
        wait_for(lambda: self.scene.state_file.stat().st_mtime_ns > saved, "it is saved")
        before = self.discontinuities()
        self.stop(signal.SIGKILL)
        self.start_again("again.log")
        self.assertEqual(self.scene.names(), ROWS)
        self.assertStartedAnew(before)
        wait_for(lambda: not list(self.scene.state_file.parent.glob("*.new")),
                 "nothing is left of the save")

    def spoiled(self, good):
        noise = random.Random(5)
        yield "empty", b""
        yield "one byte", good[:1]
        yield "half of it", good[:len(good) // 2]
        yield "a byte less", good[:-1]
        yield "a byte more", good + b"\0"
        yield "another program's", b"#!/bin/sh\n" + bytes(len(good))
        yield "noise", noise.randbytes(len(good))
        yield "another version", good[:8] + b"\xff" + good[9:]
        for at in sorted(noise.sample(range(80, len(good)), 3)):
            yield f"bit {at}", good[:at] + bytes((good[at] ^ 1,)) + good[at + 1:]

    def test_damaged(self):
        """It is rejected completely, with one line. The daemon runs, and saves a valid
        one."""
        before = self.discontinuities()
        self.stop()
        good = self.scene.state_file.read_bytes()
        for number, (what, data) in enumerate(self.spoiled(good)):
            with self.subTest(what=what):
                self.scene.state_file.write_bytes(data)
                self.start_again(f"{number}.log")
                self.assertStartedAnew(before)
                self.assertLogged("qmipsecd.state")
                self.assertEqual(self.scene.names(), ROWS)
                self.assertEqual(self.value(stat("PendingKeyOperations", "z")), 1)
                self.stop()
        self.start_again("good.log")
        self.assertLogged("state|anew", 0)

    def in_its_place(self):
        """Functions that make what can have the name of the state file."""
        path = self.scene.state_file
        target = self.scene.dir / "target"
        target.write_text("precious")
        yield "FIFO", lambda: os.mkfifo(path)
        yield "symbolic link", lambda: path.symlink_to(target)
        yield "symbolic link to nothing", lambda: path.symlink_to("nowhere")
        yield "directory", path.mkdir
        yield "endless file", lambda: (path.touch(), os.truncate(path, 1 << 40))

    def test_no_regular_file(self):
        """It is rejected with one line, and replaced, not waited for or followed."""
        before = self.discontinuities()
        self.stop()
        for number, (what, make) in enumerate(self.in_its_place()):
            with self.subTest(what=what):
                self.scene.state_file.unlink()
                make()
                self.start_again(f"odd-{number}.log")
                self.assertStartedAnew(before)
                self.assertLogged("qmipsecd.state")
                self.stop()
                self.assertTrue(stat_module.S_ISREG(self.scene.state_file.lstat().st_mode))
        self.assertEqual((self.scene.dir / "target").read_text(), "precious")
        self.start_again("good.log")
        self.assertLogged("state|anew", 0)

    def test_something_at_the_temporary_name(self):
        """Every save succeeds, and the temporary file of a killed daemon is removed."""
        before = self.discontinuities()
        self.stop()
        target = self.scene.dir / "target"
        target.write_text("precious")
        new = self.scene.state_file.with_name("qmipsecd.state.new")
        new.symlink_to(target)
        new.with_name("qmipsecd.blue.state.new").write_text("half of it")
        saved = self.scene.state_file.stat().st_mtime_ns
        self.start_again("again.log")
        self.assertGreater(self.scene.state_file.stat().st_mtime_ns, saved)
        self.assertEqual(os.listdir(new.parent), ["qmipsecd.state"])
        self.assertEqual(target.read_text(), "precious")
        self.assertGoesOn(before)
        self.assertLogged("state|anew", 0)

    def test_saves_that_fail(self):
        """One line when it begins, one when it ends."""
        self.stop()
        blocked = self.scene.state_file.with_name("qmipsecd.state.new")
        (blocked / "in-the-way").mkdir(parents=True)
        self.start_again("blocked.log", *CONFIG, "saveInterval 1", "pollInterval 0.1")
        polls = self.value(LAST_POLL)
        wait_for(lambda: self.value(LAST_POLL) > polls + 250, "two saves are due")
        self.assertLogged("cannot save the state as .*/qmipsecd.state: Directory not empty")
        shutil.rmtree(blocked)
        wait_for(lambda: "can be saved again" in self.scene.daemon.log(), "it saves")
        self.assertLogged("cannot save", 1)

    def test_another_namespace(self):
        """The same boot and file, but other SAs."""
        self.stop()
        elsewhere = Process(["unshare", "--net", DAEMON, "-f", "-Le", *self.scene.arguments()],
                            self.scene.dir / "elsewhere.log")
        wait_for(lambda: "started" in elsewhere.log(), "it runs")
        self.scene.daemon = elsewhere
        self.assertLogged("another boot or namespace")
        self.assertEqual(elsewhere.stop()[0], 0)

    def test_directory_that_is_not_there(self):
        """It is logged at once, and the daemon serves."""
        self.stop()
        arguments = self.scene.arguments()
        arguments[-1] = self.scene.dir / "none"
        self.scene.daemon = Process([DAEMON, "-f", "-Le", *arguments],
                                    self.scene.dir / "none.log")
        self.scene.wait_attached()
        self.assertLogged("none")
        self.assertEqual(self.scene.daemon.stop()[0], 0)
