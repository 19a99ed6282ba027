#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The MIB text and src/ledger/stats.def agree, in both directions.

    check_mib_columns.py [--self-test] [MIB [STATS_DEF]]

MIB is the generated module (default: $MIB, else $top_builddir/mib/QMIPSEC-MIB.txt).
Afterwards the check must reject damaged copies; --self-test does only that.

Exit status: 0 pass, 1 fail, 99 error.
"""

import os
import re
import sys
from collections import Counter, namedtuple

STATS_ENTRY = "qmIpsecStatsEntry"
STATS_GROUP = "qmIpsecStatsGroup"
GAUGE_TC = "QmIpsecGauge64"
SYNTAX_OF = {"COUNTER": "Counter64", "LEVEL": GAUGE_TC}
WMI_FIELDS = 18  # MSiSCSI_QMIPSECStats

Stat = namedtuple("Stat", "id field kind unit")
# clauses: keyword -> list of tokens
Definition = namedtuple("Definition", "name macro clauses parent number")

CLAUSES = {
    "SYNTAX", "UNITS", "MAX-ACCESS", "STATUS", "DESCRIPTION", "REFERENCE", "INDEX",
    "AUGMENTS", "DEFVAL", "OBJECTS", "NOTIFICATIONS", "DISPLAY-HINT", "LAST-UPDATED",
    "ORGANIZATION", "CONTACT-INFO", "REVISION", "MODULE", "MANDATORY-GROUPS", "GROUP",
}
MACROS = {"MODULE-IDENTITY", "OBJECT-TYPE", "OBJECT-GROUP", "MODULE-COMPLIANCE",
          "NOTIFICATION-TYPE", "NOTIFICATION-GROUP"}
TOKEN = re.compile(r'"[^"]*"|--[^\n]*|::=|\.\.|[{}(),;|]|[A-Za-z0-9][A-Za-z0-9-]*|\S')


class ParseError(Exception):
    pass


def tokenise(text):
    return [t for t in TOKEN.findall(text) if not t.startswith("--")]


def unquote(tokens):
    return " ".join(" ".join(t.strip('"').split()) for t in tokens)


def braces(tokens, i):
    """The tokens between the brace at i and its partner, and the rest."""
    if tokens[i] != "{":
        raise ParseError(f"'{{' expected, not '{tokens[i]}'")
    depth = 0
    for j in range(i, len(tokens)):
        depth += {"{": 1, "}": -1}.get(tokens[j], 0)
        if depth == 0:
            return tokens[i + 1:j], j + 1
    raise ParseError("a brace is never closed")


def items(tokens):
    """{ a, b, c } without the braces, as a list."""
    return [t for t in tokens if t not in "{},"]


class Mib:
    def __init__(self, text):
        self.definitions = []
        self.sequences = {}  # type -> [(column, syntax)]
        self.conventions = {}  # type -> clauses
        self.places = {}  # name -> (parent, number)
        tokens = tokenise(text)
        try:
            start = tokens.index("BEGIN") + 1
            if tokens[start] == "IMPORTS":
                start = tokens.index(";", start) + 1
            self._parse(tokens, start)
        except (ValueError, IndexError) as err:
            raise ParseError("the module ends too early") from err
        self.objects = [d for d in self.definitions if d.macro == "OBJECT-TYPE"]
        self.groups = [d for d in self.definitions if d.macro == "OBJECT-GROUP"]

    def _parse(self, tokens, i):
        while tokens[i] != "END":
            name, what = tokens[i], tokens[i + 1]
            if what in MACROS:
                i = self._parse_macro(tokens, i)
            elif tokens[i + 1:i + 4] == ["OBJECT", "IDENTIFIER", "::="]:
                value, i = braces(tokens, i + 4)
                self.places[name] = value[0], int(value[-1])
            elif tokens[i + 1:i + 3] == ["::=", "SEQUENCE"]:
                body, i = braces(tokens, i + 3)
                self.sequences[name] = self._columns(body)
            elif tokens[i + 1:i + 3] == ["::=", "TEXTUAL-CONVENTION"]:
                self.conventions[name], i = self._parse_convention(tokens, i + 3)
            else:
                raise ParseError(f"not understood: {' '.join(tokens[i:i + 3])}")

    @staticmethod
    def _columns(body):
        columns = []
        for part in " ".join(body).split(" , "):
            name, _, syntax = part.partition(" ")
            columns.append((name, syntax))
        return columns

    @staticmethod
    def _parse_convention(tokens, i):
        clauses = {}
        while tokens[i] in CLAUSES:
            keyword = tokens[i]
            i += 1
            begin = i
            if keyword == "SYNTAX":  # the last clause: a type and its restriction
                i += 2 if tokens[i] in ("OCTET", "OBJECT") else 1
                while tokens[i] in "{(":
                    closing = {"{": "}", "(": ")"}[tokens[i]]
                    depth = 0
                    opening = tokens[i]
                    while True:
                        depth += (tokens[i] == opening) - (tokens[i] == closing)
                        i += 1
                        if depth == 0:
                            break
                clauses[keyword] = tokens[begin:i]
                return clauses, i
            i += 1
            clauses[keyword] = tokens[begin:i]
        raise ParseError(f"a textual convention without SYNTAX near '{tokens[i]}'")

    def _parse_macro(self, tokens, i):
        name, macro = tokens[i], tokens[i + 1]
        clauses = {}
        i += 2
        keyword = None
        while tokens[i] != "::=":
            if tokens[i] in CLAUSES:
                keyword = tokens[i]
                clauses.setdefault(keyword, [])
            elif keyword is None:
                raise ParseError(f"{name}: '{tokens[i]}' is no clause")
            else:
                clauses[keyword].append(tokens[i])
            i += 1
        value, i = braces(tokens, i + 1)
        number = int(value[-1]) if value[-1].isdigit() else None
        parent = value[0] if len(value) == 2 else None
        self.definitions.append(Definition(name, macro, clauses, parent, number))
        if parent:
            self.places[name] = parent, number
        return i

    def oid(self, name):
        """Below the module's root: "1.1.1.2"; of the module itself it is empty."""
        if name not in self.places:
            return ""
        parent, number = self.places[name]
        return f"{self.oid(parent)}.{number}".lstrip(".")

    def syntax(self, definition):
        return definition.clauses["SYNTAX"][0]

    def access(self, definition):
        return unquote(definition.clauses.get("MAX-ACCESS", []))


def parse_stats(text):
    """The STAT lines of stats.def."""
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    stats = []
    for line in filter(None, map(str.strip, code.splitlines())):
        match = re.fullmatch(
            r'STAT\((\d+), [a-z_]+, (\w+), (COUNTER|LEVEL), "([^"]+)"\)', line)
        if not match:
            raise ParseError(f"stats.def: not understood: {line}")
        stats.append(Stat(int(match[1]), match[2], match[3], match[4]))
    return stats


def check_stats_def(stats):
    if [s.id for s in stats] != list(range(1, WMI_FIELDS + 1)):
        yield f"stats.def: the ids are not 1 to {WMI_FIELDS} in order"
    for field, count in Counter(s.field for s in stats).items():
        if count > 1:
            yield f"stats.def: {field} is there {count} times"


def check_columns(mib, stats):
    """Each STAT has its column, each column its STAT."""
    columns = {o.name: o for o in mib.objects if o.parent == STATS_ENTRY}
    wanted = {"qmIpsec" + s.field: s for s in stats}
    for name in columns.keys() - wanted.keys():
        yield f"{name}: a column of {STATS_ENTRY}, but not in stats.def"
    for name, stat in wanted.items():
        column = columns.get(name)
        if column is None:
            yield f"{name}: in stats.def, but no column of {STATS_ENTRY}"
            continue
        for what, got, want in (
            ("number", column.number, stat.id),
            ("SYNTAX", " ".join(column.clauses.get("SYNTAX", [])),
             SYNTAX_OF[stat.kind]),
            ("UNITS", unquote(column.clauses.get("UNITS", [])), stat.unit),
            ("MAX-ACCESS", mib.access(column), "read-only"),
        ):
            if got != want:
                yield f"{name}: {what} is '{got}', in stats.def it is '{want}'"
        field = f"WmiDataId {stat.id}, {stat.field}"
        if field not in re.split(r";\s*", unquote(column.clauses.get("REFERENCE", []))
                                 .replace("MSiSCSI_QMIPSECStats, ", "")):
            yield f"{name}: REFERENCE does not name '{field}'"


def check_lists(mib, stats):
    """SEQUENCE and OBJECT-GROUP of the statistics list the STATs, in order."""
    wanted = ["qmIpsec" + s.field for s in stats]
    sequence = [name for name, _ in mib.sequences.get("QmIpsecStatsEntry", [])]
    if sequence != wanted:
        yield "QmIpsecStatsEntry: the SEQUENCE is not the list of stats.def"
    listed = [items(g.clauses.get("OBJECTS", [])) for g in mib.groups
              if g.name == STATS_GROUP]
    if listed != [wanted]:
        yield f"{STATS_GROUP}: OBJECTS is not the list of stats.def"
    mandatory = [name for d in mib.definitions if d.macro == "MODULE-COMPLIANCE"
                 for name in items(d.clauses.get("MANDATORY-GROUPS", []))]
    if STATS_GROUP not in mandatory:
        yield f"{STATS_GROUP} is not mandatory"
    gauge = mib.conventions.get(GAUGE_TC, {}).get("SYNTAX")
    if gauge != ["Counter64"]:
        yield f"{GAUGE_TC}: SYNTAX is not Counter64"
    entry = [o for o in mib.objects if o.name == STATS_ENTRY]
    if not entry or items(entry[0].clauses.get("AUGMENTS", [])) != \
            ["qmIpsecInstanceEntry"]:
        yield f"{STATS_ENTRY} does not augment qmIpsecInstanceEntry"


def check_rows(mib):
    """Each row's SEQUENCE lists exactly its columns, with their base syntax."""
    rows = [o for o in mib.objects
            if {"INDEX", "AUGMENTS"} & o.clauses.keys()]
    for row in rows:
        columns = sorted((o for o in mib.objects if o.parent == row.name),
                         key=lambda o: o.number)
        sequence = mib.sequences.get(" ".join(row.clauses["SYNTAX"]))
        # A SEQUENCE has types without their restrictions.
        found = [(o.name, re.split(r" [({]", " ".join(o.clauses["SYNTAX"]))[0])
                 for o in columns]
        if sequence != found:
            yield f"{row.name}: the SEQUENCE is not the list of its columns"
        if [o.number for o in columns] != list(range(1, len(columns) + 1)):
            yield f"{row.name}: the column numbers have a gap or a double"
    for index in (i for r in rows for i in items(r.clauses.get("INDEX", []))):
        if not any(o.name == index and mib.access(o) == "not-accessible"
                   for o in mib.objects):
            yield f"{index}: an index, but no object that is not-accessible"


def check_objects(mib):
    """Nothing is writable, everything has a description, all names differ."""
    for name, count in Counter(d.name for d in mib.definitions).items():
        if count > 1:
            yield f"{name}: defined {count} times"
    for obj in mib.objects:
        allowed = (("accessible-for-notify",) if obj.parent == "qmIpsecNotifyObjects"
                   else ("read-only", "not-accessible"))
        if mib.access(obj) not in allowed:
            yield f"{obj.name}: MAX-ACCESS is '{mib.access(obj)}'"
        if not unquote(obj.clauses.get("DESCRIPTION", [])):
            yield f"{obj.name}: no DESCRIPTION"


def check_groups(mib):
    """Each object that can be read is in exactly one group."""
    readable = {o.name for o in mib.objects if mib.access(o) != "not-accessible"}
    grouped = Counter(name for g in mib.groups
                      for name in items(g.clauses.get("OBJECTS", [])))
    for name in sorted(readable):
        if grouped[name] != 1:
            yield f"{name}: in {grouped[name]} groups, not 1"
    for name in sorted(grouped.keys() - readable):
        yield f"{name}: in a group, but no object that can be read"


def problems(mib_text, def_text):
    try:
        mib, stats = Mib(mib_text), parse_stats(def_text)
    except ParseError as err:
        return [str(err)]
    return [*check_stats_def(stats), *check_columns(mib, stats),
            *check_lists(mib, stats), *check_rows(mib), *check_objects(mib),
            *check_groups(mib)]


def spoil(text, pattern, replacement):
    spoiled, count = re.subn(pattern, replacement, text, count=1, flags=re.S | re.M)
    if count == 0 or spoiled == text:
        raise ParseError(f"self-test: nothing to spoil for {pattern}")
    return spoiled


# (error, pattern, replacement, a part of the expected complaint)
SPOILED_MIBS = [
    ("a column's number", r"(::= \{ qmIpsecStatsEntry )7 \}", r"\g<1>19 }",
     "qmIpsecBadSPIPackets: number"),
    ("a counter as a level", r"(^qmIpsecReKeys OBJECT-TYPE\s+SYNTAX +)Counter64",
     r"\1QmIpsecGauge64", "qmIpsecReKeys: SYNTAX"),
    ("a level as a counter", r"(^qmIpsecActiveSA OBJECT-TYPE\s+SYNTAX +)QmIpsecGauge64",
     r"\1Counter64", "qmIpsecActiveSA: SYNTAX"),
    ("a 32-bit counter", r"(^qmIpsecReKeys OBJECT-TYPE\s+SYNTAX +)Counter64",
     r"\1Counter32", "qmIpsecReKeys: SYNTAX"),
    ("a gauge that is none", r"(^QmIpsecGauge64 ::=.*?SYNTAX +)Counter64",
     r"\1Gauge32", "QmIpsecGauge64: SYNTAX"),
    ("other units", r'(^qmIpsecTunnelBytesSent OBJECT-TYPE.*?UNITS +)"bytes"',
     r'\1"octets"', "qmIpsecTunnelBytesSent: UNITS"),
    ("no units", r'(^qmIpsecTunnelBytesSent OBJECT-TYPE.*?)^ *UNITS +"bytes"\n',
     r"\1", "qmIpsecTunnelBytesSent: UNITS"),
    ("another field in REFERENCE", r"WmiDataId 7, Bad", "WmiDataId 8, Bad",
     "qmIpsecBadSPIPackets: REFERENCE"),
    ("a column renamed", r"^qmIpsecReKeys OBJECT-TYPE", "qmIpsecRekeys OBJECT-TYPE",
     "qmIpsecReKeys: in stats.def"),
    ("a column too many", r"^(-- qmIpsecXfrmTable:)",
     'qmIpsecExtra OBJECT-TYPE SYNTAX Counter64 UNITS "x" MAX-ACCESS read-only\n'
     'STATUS current DESCRIPTION "x" ::= { qmIpsecStatsEntry 19 }\n\\1',
     "qmIpsecExtra: a column"),
    ("a column in another row", r"\{ qmIpsecStatsEntry 5 \}",
     "{ qmIpsecXfrmEntry 6 }", "qmIpsecReKeys: in stats.def"),
    ("a column gone", r"^qmIpsecReKeys OBJECT-TYPE.*?\{ qmIpsecStatsEntry 5 \}", "",
     "qmIpsecReKeys: in stats.def"),
    ("a column commented out", r"^(    ::= )\{ qmIpsecStatsEntry 18 \}",
     r"--\1{ qmIpsecStatsEntry 18 }", ""),
    ("a SEQUENCE in another order",
     r"(    qmIpsecKeyAdditions +Counter64,\n)(    qmIpsecKeyDeletions +Counter64,\n)",
     r"\2\1", "QmIpsecStatsEntry: the SEQUENCE"),
    ("a column missing in the SEQUENCE", r"    qmIpsecReKeys +Counter64,\n", "",
     "QmIpsecStatsEntry: the SEQUENCE"),
    ("another type in the SEQUENCE", r"(    qmIpsecReKeys +)Counter64,",
     r"\1Gauge32,", "qmIpsecStatsEntry: the SEQUENCE"),
    ("a column missing in the group", r"^ {8}qmIpsecReKeys,\n", "",
     "qmIpsecReKeys: in 0 groups"),
    ("an object in two groups", r"^ {8}qmIpsecXfrmValue,",
     "        qmIpsecXfrmValue, qmIpsecAgentVersion,",
     "qmIpsecAgentVersion: in 2 groups"),
    ("an index in a group", r"^ {8}qmIpsecXfrmValue,",
     "        qmIpsecXfrmValue, qmIpsecXfrmNetns,", "qmIpsecXfrmNetns: in a group"),
    ("an instance column missing in its SEQUENCE",
     r"    qmIpsecInstanceSessions +Gauge32,\n", "",
     "qmIpsecInstanceEntry: the SEQUENCE"),
    ("a writable object", r"(^qmIpsecAgentVersion .*?MAX-ACCESS +)read-only",
     r"\1read-write", "qmIpsecAgentVersion: MAX-ACCESS"),
    ("the statistics not mandatory",
     r"\{ qmIpsecInstanceGroup, qmIpsecStatsGroup \}", "{ qmIpsecInstanceGroup }",
     "qmIpsecStatsGroup is not mandatory"),
    ("another table augmented", r"AUGMENTS +\{ qmIpsecInstanceEntry \}",
     "AUGMENTS { qmIpsecXfrmEntry }", "qmIpsecStatsEntry does not augment"),
    ("a definition that is cut", r"^qmIpsecTunnelBytesReceived OBJECT-TYPE.*", "", ""),
]
SPOILED_DEFS = [
    ("a STAT gone", r"^STAT\(5, .*?\)\n", "", "qmIpsecReKeys: a column"),
    ("a STAT too many", r"\Z", 'STAT(19, extra, Extra, COUNTER, "x")\n',
     "qmIpsecExtra: in stats.def"),
    ("another field", r"ReKeys", "Rekeys", "qmIpsecReKeys: a column"),
    ("another kind", r"ReKeys, COUNTER", "ReKeys, LEVEL", "qmIpsecReKeys: SYNTAX"),
    ("another unit", r'"rekeys"', '"SAs"', "qmIpsecReKeys: UNITS"),
    ("two ids exchanged", r"^STAT\(3(.*?)STAT\(4", r"STAT(4\1STAT(3",
     "qmIpsecKeyAdditions: number"),
    ("a STAT commented out", r"^(STAT\(5, .*?\))$", r"/* \1 */",
     "qmIpsecReKeys: a column"),
    ("a line that is no STAT", r"^STAT\(5,", "STATS(5,", "not understood"),
]


def self_test(mib_text, def_text):
    """Complaints about damaged copies that were not rejected as expected."""
    cases = [(case, spoil(mib_text, case[1], case[2]), def_text)
             for case in SPOILED_MIBS]
    cases += [(case, mib_text, spoil(def_text, case[1], case[2]))
              for case in SPOILED_DEFS]
    for (what, _, _, expected), mib, stats in cases:
        found = problems(mib, stats)
        if not found or not any(expected in p for p in found):
            yield f"self-test: not noticed: {what} (found: {found})"


def main(args):
    only_self_test = "--self-test" in args
    paths = [a for a in args if a != "--self-test"]
    if len(paths) > 2 or any(p.startswith("-") for p in paths):
        print(__doc__, file=sys.stderr)
        return 99
    here = os.path.dirname(os.path.abspath(__file__))
    top = os.path.join(here, "..", "..")
    defaults = [
        os.environ.get("MIB") or os.path.join(
            os.environ.get("top_builddir", top), "mib", "QMIPSEC-MIB.txt"),
        os.path.join(os.environ.get("top_srcdir", top), "src", "ledger", "stats.def"),
    ]
    try:
        texts = []
        for path in paths + defaults[len(paths):]:
            with open(path, encoding="utf-8") as file:
                texts.append(file.read())
    except OSError as err:
        print(f"error: {err}", file=sys.stderr)
        return 99
    found = [] if only_self_test else problems(*texts)
    if not found:
        try:
            found = list(self_test(*texts))
        except ParseError as err:
            found = [str(err)]
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        return 1
    print(f"{WMI_FIELDS} columns agree; "
          f"{len(SPOILED_MIBS) + len(SPOILED_DEFS)} spoiled copies were refused")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
