# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's error counters: missing, malformed, back again, wrapped."""

import json

from harness import (
    AGENT, XFRM, SceneTest, fake_xfrm_stat, index_of, run, stat, wait_for, write_xfrm_stat)

ALL = "unattributed"
AVAILABLE = AGENT + (12, 0)
TRUE, FALSE = 1, 2
GOOD = "XfrmInNoStates 7\nXfrmInStateProtoError 10\n"


class XfrmStat(SceneTest):
    def setUp(self):
        super().setUp()
        self.file, self.wrapper = fake_xfrm_stat(self.scene)

    def start(self):
        self.scene.configure("pollInterval 0.1", "maxAge 0.01")
        self.scene.start_snmpd()
        self.scene.start_daemon(wrapper=self.wrapper)
        self.scene.wait_attached()

    def value(self, name):
        return self.scene.manager.value(name)

    def has(self, available, bad_spi, not_decrypted):
        return (self.value(AVAILABLE), self.value(stat("BadSPIPackets", ALL)),
                self.value(stat("PacketsNotDecrypted", ALL))) == (
                    available, bad_spi, not_decrypted)

    def counter(self, name):
        return self.value(XFRM + (3, 0) + index_of(name))

    def test_none(self):
        """A kernel without CONFIG_XFRM_STATISTICS."""
        self.start()
        wait_for(lambda: self.has(FALSE, 0, 0), "they are not available")
        self.assertEqual(self.scene.manager.walk(XFRM), [])
        self.assertLogged("no /proc/net/xfrm_stat.*CONFIG_XFRM_STATISTICS")
        report = run(*self.wrapper, *self.scene.once_argv("--once", "--format=json"))
        self.assertEqual(report.returncode, 0, report.stderr)
        self.assertIs(json.loads(report.stdout)["xfrm_stat_available"], False)
        self.assertIn("CONFIG_XFRM_STATISTICS", report.stderr)

    def test_odd_back_and_wrapped(self):
        write_xfrm_stat(self.file, "odd\n" + GOOD)
        self.start()
        wait_for(lambda: self.has(TRUE, 7, 10), "the other lines are read")
        self.assertLogged("skipped 1 lines of /proc/net/xfrm_stat")
        write_xfrm_stat(self.file, "XfrmInError 1\n")
        wait_for(lambda: self.has(FALSE, 7, 10), "two counters are missing")
        self.assertLogged("lacks XfrmInNoStates or XfrmInStateProtoError")
        write_xfrm_stat(self.file, "XfrmInNoStates 4294967295\nXfrmInStateProtoError 10\n")
        wait_for(lambda: self.has(TRUE, 4294967295, 10), "they are back")
        self.assertLogged("xfrm_stat can be read again")
        write_xfrm_stat(self.file, "XfrmInNoStates 2\nXfrmInStateProtoError 11\n")
        wait_for(lambda: self.has(TRUE, 4294967298, 11), "the wrap is followed")
        self.assertEqual(self.counter("XfrmInNoStates"), 4294967298)
        self.assertEqual(self.counter("XfrmInError"), 1)
        self.assertLogged("xfrm_stat", 3)

    def test_a_wrap_is_remembered_over_a_restart(self):
        write_xfrm_stat(self.file, "XfrmInNoStates 4294967295\nXfrmInStateProtoError 1\n")
        self.start()
        write_xfrm_stat(self.file, "XfrmInNoStates 5\nXfrmInStateProtoError 1\n")
        wait_for(lambda: self.has(TRUE, 4294967301, 1), "it wraps")
        self.assertEqual(self.scene.daemon.stop()[0], 0)
        self.scene.start_daemon(wrapper=self.wrapper, log="again.log")
        self.scene.wait_attached()
        wait_for(lambda: self.has(TRUE, 4294967301, 1), "it continues from there")
        self.assertEqual(self.counter("XfrmInNoStates"), 4294967301)
