# SPDX-License-Identifier: GPL-2.0-or-later
"""Random requests for names that exist, that nearly exist, and that cannot exist."""

import random

from harness import ROOT
from rfc3416 import Request
from snmp import (
    COUNTER32, COUNTER64, GAUGE32, GET, GETBULK, GETNEXT, INTEGER, IP_ADDRESS, NO_SUCH_OBJECT,
    NULL, OBJECT_ID, OCTET_STRING, OPAQUE, SET, TIMETICKS, UINTEGER32, V1, V2C)
from world import MIB

MAX_SUBIDS = 128
SMALL = 500  # names of a small world
SUBIDS = [0, 1, 2, 64, 65, 116, 120, 126, 127, 128, 129, 130, 255, 256, 16383, 16384,
          2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]
LENGTHS = [*range(12), 63, 64, 65, 110, 111, 112, 113]
OBJECTS = [item.oid for item in MIB.readable()]
# Objects that cannot be read, tables, rows, columns before and after the others.
NO_OBJECTS = [item.oid for item in MIB.objects.values() if item.access != "read-only"]
NO_OBJECTS += [item.oid + (number,) for item in MIB.objects.values() if item.index
               for number in (0, len(MIB.columns(item.name)) + 1,
                              len(MIB.columns(item.name)) + 2, 2**32 - 1)]
NO_OBJECTS += list(MIB.oids.values())
AROUND = [(0, 0), (0, 39), (1, 3), (1, 3, 6, 1), ROOT[:-1], ROOT[:-1] + (ROOT[-1] - 1,),
          ROOT[:-1] + (ROOT[-1] - 1, 2**32 - 1), ROOT, ROOT + (0,), ROOT + (1,), ROOT + (2,),
          ROOT + (1, 0), ROOT + (1, 1), ROOT + (1, 1, 0), ROOT + (1, 5), ROOT + (1, 6),
          ROOT + (2**32 - 1,), ROOT[:-1] + (ROOT[-1] + 1,), ROOT[:-1] + (2**32 - 1,), (2, 0),
          (2, 999, 3)]
VALUES = [(INTEGER, 1), (INTEGER, -2**31), (OCTET_STRING, b"text"), (OCTET_STRING, b""),
          (OCTET_STRING, bytes(300)), (COUNTER64, 2**64 - 1), (GAUGE32, 7), (TIMETICKS, 0),
          (OBJECT_ID, (1, 3, 6)), (NULL, None), (IP_ADDRESS, bytes(4)), (COUNTER32, 2**32 - 1),
          (OPAQUE, b"text"), (OPAQUE, bytes((0x9F, 0x78, 4, 0, 0, 0, 0))),  # a float
          (UINTEGER32, 2**32 - 1), (NO_SUCH_OBJECT, None)]


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

    def neighbour(self, subid):
        change = self.random.choice([-1, 1, None])
        if change is None:
            return self.random.choice([0, 2**32 - 1])
        return min(max(0, subid + change), 2**32 - 1)

    def near(self):
        """An existing name with a change, or without one."""
        name = list(self.random.choice(self.names))
        kind = self.random.randrange(8)
        if kind == 1:
            name[-1] = self.neighbour(name[-1])
        elif kind == 2:
            del name[self.random.randrange(2, len(name)):]
        elif kind == 3:
            name += [self.subid() for _ in range(self.random.randrange(1, 4))]
        elif kind == 4:
            name[self.random.randrange(len(ROOT), len(name))] = self.subid()
        elif kind == 5:
            name += [self.subid()] * (MAX_SUBIDS - len(name))
        elif kind == 6:
            at = self.random.randrange(len(ROOT), len(name))
            name[at] = self.neighbour(name[at])
        elif kind == 7:  # a character that is none
            name[self.random.randrange(len(ROOT), len(name))] += 256
        return [min(subid, 2**32 - 1) for subid in name]

    def one(self):
        kind = self.random.random()
        if kind < 0.5:
            name = self.near()
        elif kind < 0.8:
            name = (*self.random.choice(OBJECTS), *self.index())
        elif kind < 0.93:
            name = (*self.random.choice(NO_OBJECTS),
                    *(self.subid() for _ in range(self.random.randrange(4))))
        else:
            name = (*self.random.choice(AROUND),
                    *(self.subid() for _ in range(self.random.randrange(4))))
        return tuple(name[:MAX_SUBIDS])

    def some(self):
        """Mostly few."""
        most = self.random.choice([1, 1, 2, 3, 8, 8, 60])
        return tuple(self.one() for _ in range(self.random.randint(1, most)))


def request(seed, number, names):
    """The request with that number: the same whatever was asked before.

    An SNMPv1 GETNEXT that meets Counter64s costs a round trip for each that it skips, so in
    a large world few are sent, with few names.
    """
    generator = random.Random(f"{seed} {number}")
    source = RandomNames(generator, names)
    kind = generator.choices([GET, GETNEXT, GETBULK, SET], [35, 35, 18, 12])[0]
    version = V2C if kind == GETBULK or generator.random() < 0.7 else V1
    asked, value, second, third = source.some(), (NULL, None), 0, 0
    if kind == GETNEXT and version == V1 and len(names) > SMALL:
        asked = asked[:2]
        version = V1 if generator.random() < 0.02 else V2C
    if kind == GETBULK:
        asked = asked[:generator.choice([1, 4, 8, 60])]
        second = generator.choice([0, 0, 0, 1, generator.randrange(-1, 8), 2**31 - 1])
        third = generator.choice([1, 2, generator.randrange(-1, 30), 100, 2**31 - 1])
        if third > 30 and generator.random() < 0.9:  # they cost a hundred round trips
            third = generator.randrange(4)
    elif kind == SET:
        value = generator.choice(VALUES)
    return Request(version, kind == SET and generator.random() < 0.8, kind, asked, value,
                   second, third)
