# SPDX-License-Identifier: GPL-2.0-or-later
"""The objects of QMIPSEC-MIB, read from its text: names, types, access, indexes.

Just enough SMIv2 for this module. What cannot be read is an error.
"""

import re
from collections import namedtuple

from snmp import COUNTER64, GAUGE32, INTEGER, OCTET_STRING, TIMETICKS

WIRE_TYPES = {"OCTET STRING": OCTET_STRING, "Counter64": COUNTER64, "Gauge32": GAUGE32,
              "Unsigned32": GAUGE32, "Integer32": INTEGER, "INTEGER": INTEGER,
              "TimeTicks": TIMETICKS}

# type: as on the wire, or None for a table or a row. index: the names of the index
# objects of a row. table: the name of the row that a column belongs to, or None.
Object = namedtuple("Object", "name oid type access index table")

OBJECT_TYPE = re.compile(
    r"(\w+)\s+OBJECT-TYPE\s+SYNTAX\s+(.+?)\s+(?:UNITS\s+)?MAX-ACCESS\s+([\w-]+)\s+"
    r"STATUS\s+\w+(.*?)::=\s*\{\s*(\w+)\s+(\d+)\s*\}", re.S)
IDENTIFIER = re.compile(
    r"(\w+)\s+(?:OBJECT\s+IDENTIFIER|NOTIFICATION-TYPE[^:]*)\s*::=\s*\{\s*(\w+)\s+(\d+)\s*\}")
CONVENTION = re.compile(r"(\w+)\s*::=\s*TEXTUAL-CONVENTION.*?SYNTAX\s+(OCTET STRING|\w+)", re.S)
INDEX = re.compile(r"INDEX\s*\{([^}]*)\}")
AUGMENTS = re.compile(r"AUGMENTS\s*\{\s*(\w+)\s*\}")


def strip(text):
    """Without comments and strings."""
    return re.sub(r'"[^"]*"|--[^\n]*', "", text)


class Mib:
    def __init__(self, text, root):
        text = strip(text)
        if "IMPLIED" in text:
            raise ValueError("an IMPLIED index")
        self.types = dict(WIRE_TYPES)
        for name, base in CONVENTION.findall(text):
            self.types[name] = WIRE_TYPES[base]
        self.oids = {"qmIpsecMIB": tuple(root)}
        for name, parent, number in IDENTIFIER.findall(text):
            self.oids[name] = self.oids[parent] + (int(number),)
        self.objects = {}
        for match in OBJECT_TYPE.finditer(text):
            self._add(*match.groups())
        if len(self.objects) != text.count(" OBJECT-TYPE\n"):
            raise ValueError(f"{len(self.objects)} objects were read")

    def _add(self, name, syntax, access, rest, parent, number):
        self.oids[name] = self.oids[parent] + (int(number),)
        above = self.objects.get(parent)
        index = INDEX.search(rest)
        augmented = AUGMENTS.search(rest)
        row = (index[1].replace(" ", "").split(",") if index else
               self.objects[augmented[1]].index if augmented else None)
        is_cell = row is None and not syntax.startswith("SEQUENCE OF")
        kind = self.types[re.match(r"OCTET STRING|\w+", syntax)[0]] if is_cell else None
        self.objects[name] = Object(name, self.oids[name], kind, access, row,
                                    parent if above and above.index else None)

    def readable(self):
        """What a manager can read."""
        return [item for item in self.objects.values() if item.access == "read-only"]

    def columns(self, row):
        """The columns of a row that can be read, by its name."""
        return [item for item in self.readable() if item.table == row]

    def scalars(self):
        return [item for item in self.readable() if item.table is None]
