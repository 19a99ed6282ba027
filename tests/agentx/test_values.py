# SPDX-License-Identifier: GPL-2.0-or-later
"""Types, values and order of what is served, the same for all requests."""

import json
import os
import re

from harness import (
    AGENT, AGENT_COLUMNS, DATA_AGE, FIELDS, HERE, INSTANCE, INSTANCE_COLUMNS, LAST_POLL,
    PEER, PEER_COLUMNS, PEERS, ROOT, STATS, STATS_COLUMNS, SYS_OR_ID, TRACKED_SAS, XFRM,
    SceneTest, add_larval, index_of, peer, send_blocked, stat, xfrm_stat)
from snmp import (
    COUNTER64, END_OF_MIB_VIEW, GAUGE32, INTEGER, OBJECT_ID, OCTET_STRING, TIMETICKS,
    TYPE_NAMES, Varbind, dotted, undotted)

LONG = "iqn.1993-08.org.debian:01:" + "x" * 38  # 64 characters
NAMES = ["z", "aaa", "tcp:default", "unattributed", LONG]
CONFIG = ["pollInterval 3600", "maxAge 3600",
          "instance tcp:default local 192.0.2.1",
          "instance aaa local 192.0.2.2 descr \"two words, a \\\" and a \\\\\"",
          f"instance {LONG} local 2001:db8::/64",
          "instance z device lo reqid 7", f"peer {PEER[6]}/64 \"six\""]
SIX = "2001:db8::/64"
# Of each instance that has any, in the order of the index.
PEERS_OF = [("aaa", PEER[4]), ("tcp:default", PEER[4]), ("unattributed", PEER[4]),
            (LONG, SIX)]

INSTANCE_TYPES = dict(zip(INSTANCE_COLUMNS, [
    INTEGER, OCTET_STRING, OCTET_STRING, OCTET_STRING, OCTET_STRING, INTEGER, GAUGE32,
    GAUGE32, GAUGE32, GAUGE32, INTEGER, COUNTER64, TIMETICKS,
    OCTET_STRING, COUNTER64, COUNTER64]))
PEER_TYPES = dict(zip(PEER_COLUMNS, [
    OCTET_STRING, INTEGER, GAUGE32, GAUGE32, GAUGE32, *[COUNTER64] * 9, TIMETICKS,
    TIMETICKS]))
AGENT_TYPES = dict(zip(AGENT_COLUMNS, [
    OCTET_STRING, OCTET_STRING, GAUGE32, TIMETICKS, GAUGE32, GAUGE32, COUNTER64,
    COUNTER64, COUNTER64, COUNTER64, OCTET_STRING, INTEGER, COUNTER64, GAUGE32]))
# Values that differ between two runs.
VARYING = {INSTANCE + (14,), PEERS + (17,), AGENT + (1,), AGENT + (2,), AGENT + (4,), AGENT + (5,),
           AGENT + (13,)}


class Values(SceneTest):
    shared_config = CONFIG

    @classmethod
    def prepare(cls, scene):
        for local, count in ("192.0.2.1", 3), ("192.0.2.2", 1), ("2001:db8::1", 2):
            for _ in range(count):
                add_larval(local)
        add_larval("192.0.2.3", inbound=False, proto="ah", mode="tunnel")
        send_blocked(4)

    def walk(self):
        return self.scene.only.walk((1, 3))

    def test_columns_are_counter64_on_the_wire(self):
        for name in NAMES:
            for column in STATS_COLUMNS:
                oid = STATS + (column,) + index_of(name)
                answer = self.scene.manager.get(oid)
                self.assertEqual(answer.error, 0)
                self.assertEqual([bind[:2] for bind in answer.varbinds], [(oid, COUNTER64)])

    def test_all_columns_of_all_rows_in_one_request(self):
        oids = [STATS + (column,) + index_of(name)
                for name in NAMES for column in STATS_COLUMNS]
        answer = self.scene.manager.get(*oids)
        self.assertEqual([bind[:2] for bind in answer.varbinds],
                         [(oid, COUNTER64) for oid in oids])

    def test_values_are_the_kernels(self):
        pending = {"tcp:default": 3, "aaa": 1, LONG: 2, "unattributed": 1, "z": 0}
        for name, count in pending.items():
            self.assertEqual(self.scene.manager.value(stat("PendingKeyOperations", name)),
                             count, name)
            mirror = INSTANCE + (10,) + index_of(name)
            self.assertEqual(self.scene.manager.value(mirror), count, name)
        self.assertEqual(self.scene.manager.value(TRACKED_SAS), 7)
        # With several instances each has the namespace's errors, and says so.
        for name in NAMES:
            self.assertEqual(self.scene.manager.value(INSTANCE + (12,) + index_of(name)), 2)

    def test_peers(self):
        """Negotiations alone: the kernel of this host has neither ESP nor AH."""
        value = self.scene.manager.value
        pending = {"aaa": 1, "tcp:default": 3, "unattributed": 1, LONG: 2}
        for name, address in PEERS_OF:
            label = b"six" if address == SIX else address.encode()
            self.assertEqual(value(peer(2, name, address)), label)
            self.assertEqual(value(peer(3, name, address)), 2, "no keyed SA")
            self.assertEqual(value(peer(6, name, address)), pending[name])
            self.assertEqual(value(peer(16, name, address)), 0, "it was never active")

    def test_xfrm_table_is_the_kernels(self):
        served = {}
        for bind in self.scene.manager.walk(XFRM + (3,)):
            index = bind.name[len(XFRM) + 1:]
            self.assertEqual(bind.type, COUNTER64)
            self.assertEqual(index[0], 0, "the daemon's own namespace")
            self.assertEqual(index[1], len(index) - 2)
            served[bytes(index[2:]).decode()] = bind.value
        self.assertEqual(served, xfrm_stat())
        self.assertGreaterEqual(served["XfrmInPolBlock"], 4)

    def test_labels_are_the_indexes(self):
        """Managers cannot read an index."""
        for name in NAMES:
            label = self.scene.manager.value(INSTANCE + (15,) + index_of(name))
            self.assertEqual(label, name.encode())
        for name in xfrm_stat():
            index = (0, *index_of(name))
            self.assertEqual(self.scene.manager.value(XFRM + (4,) + index), b"")
            self.assertEqual(self.scene.manager.value(XFRM + (5,) + index), name.encode())

    def test_types_of_everything(self):
        expected = {INSTANCE + (c, *index_of(n)): t
                    for c, t in INSTANCE_TYPES.items() for n in NAMES}
        expected |= {STATS + (c, *index_of(n)): COUNTER64
                     for c in STATS_COLUMNS for n in NAMES}
        expected |= {XFRM + (c, 0, *index_of(n)): t for n in xfrm_stat()
                     for c, t in ((3, COUNTER64), (4, OCTET_STRING), (5, OCTET_STRING))}
        expected |= {AGENT + (c, 0): t for c, t in AGENT_TYPES.items()}
        expected |= {peer(c, *of): t for c, t in PEER_TYPES.items() for of in PEERS_OF}
        self.assertEqual({bind.name: bind.type for bind in self.walk()}, expected)

    def test_order(self):
        names = [bind.name for bind in self.walk()]
        self.assertEqual(names, sorted(set(names)))
        self.assertEqual(self.scene.names(), NAMES)  # the shorter first
        for column in STATS_COLUMNS:
            rows = [bind.name[len(STATS) + 1:] for bind in self.walk()
                    if bind.name[:len(STATS) + 1] == STATS + (column,)]
            self.assertEqual(rows, [index_of(name) for name in NAMES])
        rows = [bind.name[len(PEERS) + 1:] for bind in self.scene.only.walk(PEERS + (2,))]
        self.assertEqual(rows, [index_of(name) + index_of(address)
                                for name, address in PEERS_OF])

    def test_walk_of_all_that_snmpd_has(self):
        """The walk ends, and does not disturb what is before and after."""
        everything = self.scene.manager.walk((1, 3))
        self.assertEqual([bind.name for bind in everything if bind.name[:len(ROOT)] == ROOT],
                         [bind.name for bind in self.walk()])

    def test_ways_of_asking_agree(self):
        scene = self.scene
        walk = self.walk()
        names = [bind.name for bind in walk]
        for size in 1, 7, 60:
            gets = [bind for at in range(0, len(names), size)
                    for bind in scene.only.get(*names[at:at + size]).varbinds]
            self.assertEqual(gets, walk, f"GET of {size}")
        for size in 1, 2, 10, 50, 1000:
            self.assertEqual(self.bulk_walk(size), walk, f"GETBULK of {size}")

    def bulk_walk(self, size):
        found, name = [], (1, 3)
        while True:
            binds = self.scene.only.getbulk([name], 0, size).varbinds
            self.assertGreater(len(binds), 0)
            good = [bind for bind in binds if bind.type != END_OF_MIB_VIEW]
            found += good
            if len(good) < len(binds):
                return found
            name = good[-1].name

    def test_tools_agree(self):
        """Net-SNMP's own tools, as users run them, show what this decoder shows."""
        walk = [f".{dotted(bind.name)}" for bind in self.walk()]
        options = ["-On", "-Oe", "-OU", "-Ot"]
        first = self.tool_lines("snmpwalk", f".{dotted(ROOT)}", options=options)
        self.assertEqual([line.split(" = ")[0] for line in first], walk)
        for size in 1, 10, 100:
            bulk = self.tool_lines("snmpbulkwalk", f".{dotted(ROOT)}",
                                   options=[*options, f"-Cr{size}"])
            self.assertEqual(bulk, first, f"-Cr{size}")
        for tool, asked in ("snmpget", walk), ("snmpgetnext", [f".{dotted(ROOT)}", *walk[:-1]]):
            lines = [line for at in range(0, len(asked), 40)
                     for line in self.tool_lines(tool, *asked[at:at + 40], options=options)]
            self.assertEqual(lines, first, tool)
        by_oid = {undotted(line.split(" = ")[0]): line.split(" = ")[1] for line in first}
        self.assertEqual(by_oid[stat("PendingKeyOperations", "tcp:default")], "Counter64: 3")

    def tool_lines(self, tool, *names, options=()):
        done = self.scene.tool(tool, *names, options=options, community="only")
        self.assertEqual(done.returncode, 0, done.stderr)
        age = f".{dotted(DATA_AGE)} = "  # of which the value grows
        return [age if line.startswith(age) else line for line in done.stdout.splitlines()
                if "No more variables" not in line]

    def test_names_and_table(self):
        """snmpget by name and snmptable, without any other MIB."""
        done = self.scene.tool(
            "snmpget", 'QMIPSEC-MIB::qmIpsecPendingKeyOperations."tcp:default"',
            options=["-Oqv", "-OU"])
        self.assertEqual(done.stdout.strip(), "3")
        done = self.scene.tool("snmptable", "QMIPSEC-MIB::qmIpsecStatsTable",
                               options=["-Ci", "-CB", "-Cf", "|", "-OX", "-OU"])
        lines = [line for line in done.stdout.splitlines() if "|" in line]
        self.assertEqual(lines[0].split("|"), ["index"] + ["qmIpsec" + f for f in FIELDS])
        table = [[int(cell) for cell in line.split("|")[1:]] for line in lines[1:]]
        self.assertEqual(table, [
            [self.scene.manager.value(stat(field, name)) for field in FIELDS]
            for name in NAMES])

    def test_table_of_peers(self):
        """By label."""
        done = self.scene.tool("snmptable", "QMIPSEC-MIB::qmIpsecPeerTable",
                               options=["-Ci", "-CB", "-Cf", "|", "-OX", "-OU"])
        lines = [line.split("|") for line in done.stdout.splitlines() if "|" in line]
        self.assertEqual(lines[0][:3], ["index", "qmIpsecPeerLabel", "qmIpsecPeerActive"])
        self.assertEqual([line[1] for line in lines[1:]],
                         ["six" if address == SIX else address
                          for _, address in PEERS_OF])

    def test_once_agrees(self):
        done = self.scene.once("--once", "--format=json")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        value = self.scene.manager.value
        self.assertEqual([row["name"] for row in report["instances"]], NAMES)
        for row in report["instances"]:
            index = index_of(row["name"])
            served = {field: value(stat(field, row["name"])) for field in FIELDS}
            self.assertEqual(row["stats"], served)
            self.assertEqual(list(row["stats"]), FIELDS)
            columns = [1 if row["active"] else 2, row["descr"].encode(),
                       row["transport"].encode(), row["netns"].encode(),
                       row["initiator_name"].encode(), row["if_index"], row["sessions"]]
            self.assertEqual(columns, [value(INSTANCE + (c, *index)) for c in range(2, 9)])
            self.assertEqual({"instance": 1, "namespace": 2}[row["error_scope"]],
                             value(INSTANCE + (12, *index)))
            self.assertEqual(row["replay_failures"], value(INSTANCE + (13, *index)))
        self.assertEqual(report["xfrm"], [{"netns": "", "counters": xfrm_stat()}])
        self.assertEqual(report["tracked_sas"], value(TRACKED_SAS))
        self.assertEqual(report["version"].encode(), value(AGENT + (1, 0)))
        self.assertEqual(report["kernel"], os.uname().release)
        self.assertEqual(os.uname().release.encode(), value(AGENT + (2, 0)))

    def test_golden_walk(self):
        """The whole tree, as in walk.golden."""
        def line(bind):
            value = bind.value
            if any(bind.name[:len(prefix)] == prefix for prefix in VARYING):
                value = "*"
            elif bind.type == OCTET_STRING:
                value = json.dumps(value.decode())
            return f"{dotted(bind.name[len(ROOT):])} {TYPE_NAMES[bind.type]} {value}"

        lines = [line(bind) for bind in self.walk()
                 if bind.name[:len(XFRM)] != XFRM]  # differs from kernel to kernel
        golden = HERE / "walk.golden"
        if os.environ.get("WRITE_GOLDEN"):
            golden.write_text("\n".join(lines) + "\n")
        self.maxDiff = None
        self.assertEqual(lines, golden.read_text().splitlines())

    def test_last_poll_is_of_this_snmpd(self):
        self.assertLessEqual(self.scene.manager.value(LAST_POLL), self.uptime())

    def uptime(self):
        return self.scene.manager.value((1, 3, 6, 1, 2, 1, 1, 3, 0))

    def test_sysortable_has_the_module(self):
        entries = self.scene.manager.walk(SYS_OR_ID)
        mine = [bind for bind in entries if bind.value == ROOT]
        self.assertEqual(len(mine), 1, entries)
        self.assertEqual(mine[0].type, OBJECT_ID)
        index = mine[0].name[len(SYS_OR_ID):]
        descr = self.scene.manager.value(SYS_OR_ID[:-1] + (3,) + index)
        self.assertRegex(descr, b"IPsec.*iSCSI")


class NoConfiguration(SceneTest):
    def test_the_unattributed_row_alone(self):
        """A plain IPsec gateway: every SA belongs to one row, which has all errors."""
        add_larval("192.0.2.1")
        add_larval("192.0.2.2", proto="ah", mode="tunnel")
        self.scene.start()
        value = self.scene.manager.value
        self.assertEqual(self.scene.names(), ["unattributed"])
        self.assertEqual(value(stat("PendingKeyOperations", "unattributed")), 2)
        self.assertEqual(value(INSTANCE + (12,) + index_of("unattributed")), 1)

    def test_the_table_of_peers_in_100_columns(self):
        """As the README shows it: the levels of each peer in one line."""
        for local in "192.0.2.1", "2001:db8::1":
            add_larval(local)
        self.scene.start()
        done = self.scene.tool("snmptable", "QMIPSEC-MIB::qmIpsecPeerTable",
                               options=["-OU", "-Ci", "-CB", "-Cb", "-Cw", "100"])
        lines = done.stdout.splitlines()
        self.assertLessEqual(max(map(len, lines)), 100, done.stdout)
        self.assertEqual(lines[2].split(), ["index", "Label", "Active", "ActiveSAs",
                                            "ActiveTunnels", "PendingKeyOperations"])
        self.assertEqual([line.split() for line in lines[3:5]],
                         [[f'"unattributed"."{address}"', address, "false", "0", "0", "1"]
                          for address in (PEER[4], PEER[6])])
