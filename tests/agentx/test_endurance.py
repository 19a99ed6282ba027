# SPDX-License-Identifier: GPL-2.0-or-later
"""Neither memory nor the number of descriptors grows."""

import os
import shutil
import unittest

from harness import (
    MEASURABLE, SANITIZED, STATS, STATS_COLUMNS, SceneTest, add_larval, fds, index_of,
    rss_kib, wait_for)

CONFIG = ["maxAge 0.01", "instance z local 192.0.2.1", "instance tcp:default local 192.0.2.2"]


class Endurance(SceneTest):
    def test_descriptors(self):
        self.scene.start(*CONFIG)
        pid = self.scene.daemon.pid
        self.scene.hang_up()
        before = fds(pid)
        names = [STATS + (column,) + index_of("z") for column in STATS_COLUMNS]
        for number in range(1000):
            self.scene.manager.get(names[number % len(names)])
        self.assertEqual(fds(pid), before)
        for number in range(50):
            self.scene.configure(*CONFIG, *([f"instance i{number} reqid 1"] * (number % 2)),
                                 *(["nonsense"] * (number % 10 == 9)))
            self.scene.hang_up()
        self.assertEqual(fds(pid), before)
        self.assertServes("z", "i1", "i47")

    @unittest.skipUnless(MEASURABLE, "not for sanitizers or valgrind, which keep freed memory")
    def test_memory(self):
        add_larval("192.0.2.1")
        self.scene.start(*CONFIG)
        pid = self.scene.daemon.pid
        names = [STATS + (column,) + index_of("z") for column in STATS_COLUMNS]

        def ask(count):
            for number in range(count):
                self.scene.manager.get(names[number % len(names)])

        ask(2000)
        before = rss_kib(pid)
        ask(20000)
        self.assertLessEqual(rss_kib(pid), before + 128)

    @unittest.skipIf(SANITIZED, "not for a build with sanitizers, which check themselves")
    def test_valgrind(self):
        """A walk, reloads, a restart of the master and the end, under valgrind."""
        if not shutil.which("valgrind"):
            self.skipTest("no valgrind (Debian: valgrind)")
        report = self.scene.dir / "valgrind.log"
        for _ in range(3):
            add_larval("192.0.2.1")
        self.scene.configure(*CONFIG)
        self.scene.start_snmpd()
        self.scene.start_daemon(wrapper=[
            "valgrind", "-q", f"--log-file={report}", "--error-exitcode=99",
            "--leak-check=full", "--show-leak-kinds=definite,indirect,possible",
            "--errors-for-leak-kinds=definite,indirect,possible"])
        self.scene.wait_attached(120)
        self.assertGreater(len(self.scene.only.walk((1, 3))), 3 * 31)
        self.scene.only.getbulk([STATS + (column,) for column in STATS_COLUMNS], 0, 5)
        self.scene.only.get(STATS + (1, 129, 1), STATS + (99,))
        self.scene.configure(*CONFIG, "instance new local 192.0.2.3")
        self.scene.hang_up()
        self.scene.configure("nonsense", "instance a")
        self.scene.hang_up()
        self.assertIn("new", self.scene.names())
        self.scene.snmpd.stop()
        self.scene.start_snmpd()
        self.scene.wait_attached(120)
        self.assertIn("new", self.scene.names())
        status, _ = self.scene.daemon.stop()
        self.assertEqual((status, report.read_text()), (0, ""))
