# SPDX-License-Identifier: GPL-2.0-or-later
"""Random requests, compared with a model made from one walk: RFC 3416, sections 4.2.1
to 3.
"""

import bisect
import os
import random

from harness import (
    AGENT, AGENT_COLUMNS, INSTANCE, INSTANCE_COLUMNS, PEER_COLUMNS, PEERS, ROOT, STATS,
    STATS_COLUMNS, XFRM, XFRM_COLUMNS, SceneTest, add_larval, index_of)
from snmp import (
    END_OF_MIB_VIEW, NO_SUCH_INSTANCE, NO_SUCH_OBJECT, NoAnswer, Varbind, dotted)

MAX_SUBIDS = 128
SUBIDS = [0, 1, 2, 64, 65, 116, 120, 126, 127, 128, 129, 130, 255, 256, 16383, 16384,
          2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]
LENGTHS = [*range(12), 63, 64, 65, 110, 111, 112, 113]
REQUESTS = 6000
SEED = int(os.environ.get("SEED", "20231"))

OBJECTS = [entry + (column,)
           for entry, columns in ((INSTANCE, INSTANCE_COLUMNS), (STATS, STATS_COLUMNS),
                                  (XFRM, XFRM_COLUMNS), (PEERS, PEER_COLUMNS),
                                  (AGENT, AGENT_COLUMNS))
           for column in columns]
AROUND = [(0, 0), (0, 39), (1, 3), (1, 3, 6, 1), ROOT[:-1], ROOT[:-1] + (ROOT[-1] - 1,),
          ROOT[:-1] + (ROOT[-1] - 1, 2**32 - 1), ROOT, ROOT + (0,), ROOT + (1,), ROOT + (2,),
          ROOT + (1, 0), ROOT + (1, 1), ROOT + (1, 1, 0), INSTANCE, STATS, XFRM, AGENT,
          PEERS, ROOT + (1, 5), ROOT + (1, 6), ROOT + (2**32 - 1,), ROOT[:-1] + (ROOT[-1] + 1,),
          ROOT[:-1] + (2**32 - 1,), (2, 0), (2, 999, 3)]


class Model:
    """A view that contains exactly what was walked."""

    def __init__(self, walk):
        self.names = [bind.name for bind in walk]
        self.binds = {bind.name: bind for bind in walk}
        self.objects = set(OBJECTS)

    def get(self, name):
        if name in self.binds:
            return self.binds[name]
        known = any(name[:length] in self.objects for length in range(len(name) + 1))
        return Varbind(name, NO_SUCH_INSTANCE if known else NO_SUCH_OBJECT, None)

    def next(self, name):
        at = bisect.bisect_right(self.names, name)
        if at == len(self.names):
            return Varbind(name, END_OF_MIB_VIEW, None)
        return self.binds[self.names[at]]

    def bulk(self, names, non_repeaters, max_repetitions):
        non_repeaters = min(max(non_repeaters, 0), len(names))
        answer = [self.next(name) for name in names[:non_repeaters]]
        row = names[non_repeaters:]
        for _ in range(max(max_repetitions, 0) if row else 0):
            row_binds = [self.next(name) for name in row]
            answer += row_binds
            row = [bind.name for bind in row_binds]
        return answer


def without_end_names(binds):
    """With non-repeaters, snmpd 5.9.3 puts an endOfMibView beside the name of another
    varbind. It does so for its own objects as well, so no subagent can change that."""
    return [bind._replace(name=None) if bind.type == END_OF_MIB_VIEW else bind
            for bind in binds]


class RandomNames:
    def __init__(self, generator, names):
        self.random, self.names = generator, names

    def subid(self):
        kind = self.random.random()
        if kind < 0.5:
            return self.random.choice(SUBIDS)
        return self.random.randrange(128 if kind < 0.9 else 2**32)

    def index(self):
        """Like the index of an instance, but with a length that may be wrong."""
        length = self.random.choice(LENGTHS)
        told = length if self.random.random() < 0.5 else self.subid()
        return (told, *(self.subid() for _ in range(length)))

    def near(self):
        """An existing name with a change."""
        name = list(self.random.choice(self.names))
        kind = self.random.randrange(6)
        if kind == 1:
            name[-1] = max(0, name[-1] + self.random.choice([-1, 1]))
        elif kind == 2:
            del name[self.random.randrange(2, len(name)):]
        elif kind == 3:
            name += [self.subid() for _ in range(self.random.randrange(1, 4))]
        elif kind == 4:
            name[self.random.randrange(len(ROOT), len(name))] = self.subid()
        elif kind == 5:
            name += [self.subid()] * (MAX_SUBIDS - len(name))
        return name

    def one(self):
        kind = self.random.random()
        if kind < 0.4:
            name = self.near()
        elif kind < 0.8:
            name = (*self.random.choice(OBJECTS), *self.index())
        else:
            name = (*self.random.choice(AROUND),
                    *(self.subid() for _ in range(self.random.randrange(4))))
        return tuple(name[:MAX_SUBIDS])

    def some(self, most):
        return [self.one() for _ in range(self.random.randint(1, most))]


class ModelTest(SceneTest):
    shared_config = ["pollInterval 3600", "maxAge 3600", "instance z local 192.0.2.1",
                     "instance aaa remote 192.0.2.99", "instance b reqid 1",
                     "instance ab reqid 2", f"instance {'y' * 63} reqid 3",
                     f"instance {'y' * 64} reqid 4", f"instance {'x' * 64} reqid 5"]

    @classmethod
    def prepare(cls, scene):
        add_larval("192.0.2.1")
        add_larval("2001:db8::1")

    def setUp(self):
        super().setUp()
        self.model = Model(self.scene.only.walk((1, 3)))
        self.assertGreater(len(self.model.names), 8 * 31)

    def tearDown(self):
        self.assertServes("z")
        self.assertEqual(Model(self.scene.only.walk((1, 3))).binds, self.model.binds)

    def check(self, kind, expected, response, *asked):
        what = f"seed {SEED}: {kind} of " + ", ".join(
            dotted(part) if isinstance(part, tuple) else str(part) for part in asked)
        self.assertEqual(response.error, 0, what)
        self.assertEqual(response.varbinds, expected, what)

    def check_bulk(self, names, non_repeaters, max_repetitions):
        expected = self.model.bulk(names, non_repeaters, max_repetitions)
        response = self.scene.only.getbulk(names, non_repeaters, max_repetitions)
        # The agent may stop early, but not without any answer.
        found = len(response.varbinds)
        self.assertGreaterEqual(found, min(len(expected), len(names)))
        response = response._replace(varbinds=without_end_names(response.varbinds))
        self.check("GETBULK", without_end_names(expected[:found]), response,
                   non_repeaters, max_repetitions, *names)

    def test_random_requests(self):
        generator = random.Random(SEED)
        names = RandomNames(generator, self.model.names)
        for _ in range(REQUESTS):
            kind = generator.randrange(4)
            if kind == 0:
                asked = names.some(8)
                self.check("GET", [self.model.get(name) for name in asked],
                           self.scene.only.get(*asked), *asked)
            elif kind == 1:
                asked = names.some(8)
                self.check("GETNEXT", [self.model.next(name) for name in asked],
                           self.scene.only.getnext(*asked), *asked)
            elif kind == 2:
                asked = [names.one()]
                self.check("GETNEXT", [self.model.next(asked[0])],
                           self.scene.only.getnext(*asked), *asked)
            else:
                asked = names.some(4)
                self.check_bulk(asked, generator.randrange(-1, 6), generator.randrange(-1, 30))

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
