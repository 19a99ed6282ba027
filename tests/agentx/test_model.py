# SPDX-License-Identifier: GPL-2.0-or-later
"""Systematic requests: every length of an index, every prefix of a name. RFC 3416, sections
4.2.1 and 4.2.2. test_requests.py sends random ones.
"""

from harness import INSTANCE, ROOT, STATS, XFRM, SceneTest, add_larval, index_of
from random_requests import MAX_SUBIDS, OBJECTS
from rfc3416 import Model
from snmp import GEN_ERR, GET, GETNEXT, NoAnswer, dotted


class ModelTest(SceneTest):
    shared_config = ["pollInterval 3600", "maxAge 3600", "instance z local 192.0.2.1",
                     "instance aaa remote 192.0.2.99", "instance b reqid 1",
                     "instance ab reqid 2", f"instance {'y' * 63} reqid 3",
                     f"instance {'y' * 64} reqid 4", f"instance {'x' * 64} reqid 5"]

    @classmethod
    def prepare(cls, scene):
        with open(scene.snmpd_conf, "a") as conf:
            conf.write(f"agentaddress tcp:127.0.0.1:{scene.port}\n")
        add_larval("192.0.2.1")
        add_larval("2001:db8::1")

    def walked(self):
        binds = {bind.name: bind for bind in self.scene.only.walk((1, 3))}
        return Model(binds, OBJECTS, ROOT)

    def setUp(self):
        super().setUp()
        self.model = self.walked()
        self.assertGreater(len(self.model.names), 8 * 31)

    def tearDown(self):
        self.assertServes("z")
        self.assertEqual(self.walked().binds, self.model.binds)

    def check(self, kind, expected, response, *asked):
        what = f"{kind} of " + ", ".join(map(dotted, asked))
        self.assertEqual(response.error, 0, what)
        self.assertEqual(response.varbinds, expected, what)

    def test_lengths_of_names_and_strings(self):
        """Every length of an index, whether or not its first subidentifier is that
        length."""
        for entry in (INSTANCE + (2,), STATS + (1,), STATS + (18,), XFRM + (3,)):
            for length in range(MAX_SUBIDS - len(entry)):
                for told in {0, length, 64, 65, 116, 127, 128, 129, 255, 256, 2**32 - 1}:
                    name = entry + (told,) + (97,) * length
                    self.check("GET", [self.model.get(name)], self.scene.only.get(name), name)
                    self.check("GETNEXT", [self.model.next(name)],
                               self.scene.only.getnext(name), name)

    def test_getnext_of_every_name_rises(self):
        """From everywhere, including whole subtrees and single subidentifiers."""
        names = self.model.names
        asked = {name[:length] for name in names for length in range(2, len(name) + 1)}
        asked |= {name + (0,) for name in names}
        for name in sorted(asked):
            found = self.scene.only.getnext(name).varbinds[0]
            self.assertEqual(found, self.model.next(name))

    def test_names_that_are_too_long(self):
        """A name with more than 128 subidentifiers is invalid: no answer, and no
        effect."""
        quick = type(self.scene.only)(self.scene.port, "only", timeout=0.2)
        self.addCleanup(quick.close)
        for length in 116, 120, 200:
            name = STATS + (1,) + index_of("x" * length)
            self.assertGreater(len(name), MAX_SUBIDS)
            for ask in quick.get, quick.getnext:
                with self.assertRaises(NoAnswer):
                    ask(name)

    def test_requests_that_are_too_long(self):
        """Net-SNMP drops AgentX messages of more than 64 KiB, at either end. A manager
        whose request, or the answer to it, needs a longer one must not end the session for
        everybody else."""
        log = self.scene.daemon.log()
        long = STATS + (1, 100) + (97,) * (MAX_SUBIDS - len(STATS) - 2)
        text = INSTANCE + (15,) + index_of("y" * 64)
        for name, count in (long, 130), (long, 400), (text, 350):
            for ask in self.scene.only.get, self.scene.only.getnext:
                answer = ask(*[name] * count)
                self.assertIn(answer.error, (0, GEN_ERR))
                self.assertServes("z")
        for count, error in (1, 0), (3000, GEN_ERR), (10000, GEN_ERR):
            for kind in GET, GETNEXT:
                answer = self.scene.only.over_tcp(kind, *[long] * count)
                self.assertEqual(answer.error, error)
                self.assertServes("z")
        self.assertEqual(self.scene.daemon.log(), log)
