# SPDX-License-Identifier: GPL-2.0-or-later
"""SNMPv1, which has no Counter64, and SETs, which are never permitted."""

from harness import (
    AGENT, FIELDS, INSTANCE, ROOT, STATS, XFRM, SceneTest, StillManager, add_larval,
    index_of, stat)
from snmp import (
    COUNTER64, INTEGER, NO_ACCESS, NO_ERROR, NO_SUCH_NAME, NOT_WRITABLE, OCTET_STRING, V1,
    Manager)

SYS_CONTACT = (1, 3, 6, 1, 2, 1, 1, 4, 0)
CONFIG = ["pollInterval 3600", "maxAge 3600", "instance z local 192.0.2.1",
          "instance aaa local 192.0.2.2"]


class Version1(SceneTest):
    shared_config = CONFIG

    @classmethod
    def prepare(cls, scene):
        add_larval("192.0.2.1")

    def setUp(self):
        super().setUp()
        self.v1 = StillManager(self.scene.port, "only", V1)
        self.addCleanup(self.v1.close)

    def test_get_of_a_counter64(self):
        for field in FIELDS:
            answer = self.v1.get(stat(field, "z"))
            self.assertEqual((answer.error, answer.index), (NO_SUCH_NAME, 1), field)
        for name in (INSTANCE + (13,) + index_of("z"), AGENT + (7, 0)):
            self.assertEqual(self.v1.get(name).error, NO_SUCH_NAME)

    def test_get_tells_which(self):
        mirror = INSTANCE + (10,) + index_of("z")
        self.assertEqual(self.v1.get(mirror).varbinds[0].value, 1)
        answer = self.v1.get(mirror, stat("ActiveSA", "z"), mirror)
        self.assertEqual((answer.error, answer.index), (NO_SUCH_NAME, 2))

    def test_walk_skips_every_counter64(self):
        everything = self.scene.only.walk((1, 3))
        expected = [bind for bind in everything if bind.type != COUNTER64]
        self.assertLess(len(expected), len(everything))
        self.assertEqual(self.v1.walk((1, 3)), expected)

    def test_getnext_into_the_columns(self):
        """The next object that is not a Counter64 follows: labels of the kernel's
        counters, then the scalars."""
        label = XFRM + (4,)
        for name in (STATS, STATS + (1,), stat("TunnelBytesReceived", "aaa"), XFRM):
            self.assertEqual(self.v1.getnext(name).varbinds[0].name[:len(label)], label)
        self.assertEqual(self.v1.getnext(XFRM + (6,)).varbinds[0].name, AGENT + (1, 0))

    def test_tools(self):
        v1 = self.scene.tool("snmpwalk", "QMIPSEC-MIB::qmIpsecMIB", version="1")
        self.assertEqual(v1.returncode, 0, v1.stderr)
        self.assertNotIn("Counter64", v1.stdout)
        self.assertIn("qmIpsecAgentVersion.0", v1.stdout)
        self.assertIn("qmIpsecInstancePendingKeyOperations", v1.stdout)


class Set(SceneTest):
    shared_config = CONFIG
    NAMES = {
        "a statistic": stat("KeyAdditions", "z"),
        "a level": stat("ActiveSA", "z"),
        "a row that does not exist": stat("KeyAdditions", "nobody"),
        "a column that does not exist": STATS + (19,) + index_of("z"),
        "column 0": STATS + (0,) + index_of("z"),
        "a column": STATS + (1,),
        "a table": STATS,
        "an instance's description": INSTANCE + (3,) + index_of("z"),
        "an instance's name, the index": INSTANCE + (1,) + index_of("z"),
        "an unknown instance": INSTANCE + (2,) + index_of("nobody"),
        "a kernel counter": XFRM + (3, 0) + index_of("XfrmInError"),
        "an unknown kernel counter": XFRM + (3, 0) + index_of("XfrmNone"),
        "a scalar": AGENT + (3, 0),
        "a scalar without its 0": AGENT + (3,),
        "an unknown scalar": AGENT + (12, 0),
        "the conformance part": ROOT + (2, 1, 1),
        "a long index": STATS + (1, 129) + (97,) * 100,
    }
    VALUES = [(COUNTER64, 7), (INTEGER, 1), (OCTET_STRING, b"text"), (OCTET_STRING, b"")]

    def setUp(self):
        super().setUp()
        self.before = self.scene.only.walk((1, 3))

    def tearDown(self):
        self.assertServes("z")
        self.assertEqual(self.scene.only.walk((1, 3)), self.before)

    def manager(self, *args):
        manager = Manager(self.scene.port, *args)
        self.addCleanup(manager.close)
        return manager

    def refuse(self, manager, error):
        for what, name in self.NAMES.items():
            for value in self.VALUES:
                answer = manager.set((name, *value))
                self.assertEqual((answer.error, answer.index), (error, 1), what)

    def test_with_the_right_to_write(self):
        self.refuse(self.manager("private"), NOT_WRITABLE)

    def test_without_the_right_to_write(self):
        self.refuse(self.manager("public"), NO_ACCESS)

    def test_version_1(self):
        self.refuse(self.manager("private", V1), NO_SUCH_NAME)
        self.refuse(self.manager("public", V1), NO_SUCH_NAME)

    def test_nothing_of_a_mixed_set_is_done(self):
        private = self.manager("private")
        self.assertEqual(private.set((SYS_CONTACT, OCTET_STRING, b"before")).error, NO_ERROR)
        answer = private.set((SYS_CONTACT, OCTET_STRING, b"after"),
                             (stat("KeyAdditions", "z"), COUNTER64, 1))
        self.assertEqual((answer.error, answer.index), (NOT_WRITABLE, 2))
        self.assertEqual(private.value(SYS_CONTACT), b"before")
