# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes of which every name, type and value is known from the MIB and from what was put
in, not from what the agent answers.
"""

import itertools
import os
import random
import re
import time
from collections import namedtuple

import state_writer
import valgrind
from harness import (
    BUILD, DATA_AGE, MIB_DIR, ROOT, SYS_UPTIME, Scene, add_larval, fake_xfrm_stat, flush_xfrm,
    index_of, wait_for)
from mib_objects import Mib
from snmp import TIMETICKS, Varbind

MIB = Mib((MIB_DIR / "QMIPSEC-MIB.txt").read_text(), ROOT)
TICK_NS = 10_000_000
LATE = 100 * valgrind.SLOWER  # ticks
HOUR_MS = 3_600_000
PRINTABLE = "".join(chr(code) for code in range(32, 127) if chr(code) not in '"\\')
VERSION = re.search(r'PACKAGE_VERSION "([^"]*)"', (BUILD / "config.h").read_text())[1]

# Columns of qmIpsecStatsTable that come from an account's totals, and 7 and 8, which do not.
STATS = [item.name for item in MIB.columns("qmIpsecStatsEntry")]
OF_NAMESPACE = ("qmIpsecBadSPIPackets", "qmIpsecPacketsNotDecrypted")

# A row of the state file, as state_writer takes it.
Row = namedtuple("Row", "texts gone_at totals errors discontinuity peers")


class Known:
    """The cells of a scene, by name. Times are in ns of CLOCK_MONOTONIC until settle()."""

    def __init__(self):
        self.binds = {}

    def put(self, name, value, index=(0,)):
        item = MIB.objects[name]
        oid = item.oid + tuple(index)
        if oid in self.binds:
            raise AssertionError(f"{name} {index} twice")
        self.binds[oid] = Varbind(oid, item.type, value)

    def row(self, entry, index, values):
        """All columns of a row."""
        columns = {item.name for item in MIB.columns(entry)}
        if columns != set(values):
            raise AssertionError(f"{entry}: {columns ^ set(values)}")
        for name, value in values.items():
            self.put(name, value, index)


class Totals:
    """Of an account: different numbers in each column, of each account."""

    MEMBERS = 18 + 4

    def __init__(self, numbers=None):
        self.list = [0] * self.MEMBERS
        if numbers is None:
            return
        self.list = [next(numbers) for _ in range(self.MEMBERS)]
        for level in 0, 1, 5, 6, 7, 21:  # levels, the namespace's columns, losses
            self.list[level] = 0
        self.list[3] = self.list[2]  # no keyed SA exists, so all that came have gone
        for way in 0, 1:  # sent, received: each byte counts by protocol and by mode
            by_protocol = self.list[10 + way] + self.list[12 + way]
            self.list[14 + way] = by_protocol // 3
            self.list[16 + way] = by_protocol - by_protocol // 3

    def __add__(self, other):
        sum_ = Totals()
        sum_.list = [(a + b) % 2**64 for a, b in zip(self.list, other.list)]
        return sum_

    def columns(self):
        return dict(zip(STATS, self.list))

    replay = property(lambda self: self.list[18])
    sent = property(lambda self: self.list[19])
    received = property(lambda self: self.list[20])


def numbers(seed):
    """Counters with every number of bytes, also around 2^31, 2^32, 2^63."""
    generator = random.Random(seed)
    seen = set()
    while True:
        bits = generator.randrange(8, 62)
        number = (1 << bits) + generator.randrange(-300, 300)
        if number >= 0 and number not in seen:
            seen.add(number)
            yield number


def names_of_every_length():
    """1 to 64 characters, every printable one, many that are prefixes or neighbours."""
    for length in range(1, 65):
        yield "".join(PRINTABLE[(length * 7 + at) % len(PRINTABLE)] for at in range(length))
    yield from ("x" * length for length in (2, 3, 63, 64))
    yield from ("x" * 63 + last for last in "wyz~ ")
    yield from ("x" + "y" * 62, "x" * 62 + "yx", " " * 64, "~" * 64, "ns/tcp:default", "a b")


class Many:
    """A hundred rows, most of HBAs that are gone, with peers and large counters."""

    CONFIG = ["pollInterval 3600", "maxAge 3600", "maxRequestLoad 100",
              "instance z local 192.0.2.1",
              'instance aaa local 192.0.2.2 descr "two words, a \\" and a \\\\"',
              "instance b reqid 1", "instance lo-device device lo reqid 7",
              "instance absent device none0",
              'peer 198.51.100.0/24 "road warriors"']
    DESCR = {"aaa": 'two words, a " and a \\',
             "unattributed": "IPsec traffic that belongs to no HBA"}
    LARVAL = {"z": ("192.0.2.1", 3), "aaa": ("192.0.2.2", 1), "unattributed": ("2001:db8::1", 2)}
    PEERS = ["192.0.2.99", "2001:db8::99", "198.51.100.0/24", "203.0.113.5", "203.0.113.50",
             "203.0.113.150", "2001:db8:1:2:3:4:5:6", "2001:db8:ffff:ffff:ffff:ffff:ffff:fff0"]
    ABSENT = "absent"

    def __init__(self):
        self.known = Known()
        self.scene = Scene()
        self.errors = {"XfrmInNoStates": 2**33 + 5, "XfrmInStateDirError": 2**40 + 11,
                       "XfrmInStateProtoError": 2**50 + 17}
        self.xfrm = {"XfrmInError": 2**64 - 1, "XfrmOutError": 2**63, "XfrmInPolBlock": 2**32,
                     "XfrmFwdHdrError": 2**32 - 1, "XfrmX": 128,
                     "Xfrm" + "Q" * 27: 255, "XfrmOutStateDirError": 0, **self.errors}

    def start(self):
        self.scene.start_snmpd()
        wait_for(lambda: self.scene.manager.value(SYS_UPTIME) > 300, "sysUpTime")
        self.scene.start_daemon(wrapper=self.prepare())
        self.scene.wait_attached()

    def prepare(self):
        """Makes the state file, and SAs. Returns what starts the daemon."""
        flush_xfrm()
        file, wrapper = fake_xfrm_stat(self.scene)
        file.write_text("".join(f"{name} {value}\n" for name, value in self.xfrm.items()))
        self.scene.configure(*self.CONFIG)
        self.scene.start_daemon("-x", self.scene.dir / "none", wrapper=wrapper,
                                log="first.log")
        wait_for(self.scene.state_file.exists, "the state is saved")
        self.scene.daemon.stop()
        self._put_state()
        for local, count in self.LARVAL.values():
            for _ in range(count):
                add_larval(local)
        return wrapper

    def _rows(self):
        """(name, texts after it, gone) of each row, `unattributed` first."""
        yield "unattributed", ("", "", "", ""), False
        for name in "z", "aaa", "b", "lo-device", self.ABSENT:
            yield name, ("", "", "", ""), False
        for number, name in enumerate(names_of_every_length()):
            transport = ("tcp", "iser", "qla4xxx", "bnx2i", "q" * 32)[number % 5]
            descr = f"the HBA no. {number}: \u00fc\u20ac"
            longest = 255 - len(descr.encode()) if number % 4 == 0 else number
            yield name, (name, descr + "d" * longest, transport,
                         f"iqn.2026-11.org.example:{number}".ljust(
                             223 if number % 4 == 1 else 30 + number, "i")), True

    def _put_state(self):
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        # The ticks between two times are more than the rounding.
        times = itertools.cycle(now - 20 * TICK_NS - step * 5 * TICK_NS for step in range(40))
        source = numbers(1)
        rows = []
        for number, (name, texts, gone) in enumerate(self._rows()):
            other = Totals(source if number % 3 else None)
            peers = [(prefix, Totals(source), next(times), next(times))
                     for prefix in self.PEERS[:number % 9 if number > 1 else 8]]
            own_stack = gone and texts[2] not in ("tcp", "iser")
            errors = (next(source), next(source)) if own_stack else self._of_namespace()
            rows.append(Row((name, *texts), now if gone else 0, other.list, errors,
                            next(times), [(p, t.list, c, d) for p, t, c, d in peers]))
            self._know(name, texts, other, peers, own_stack, rows[-1])
        state_writer.rewrite(self.scene.state_file, rows)
        self._know_rest()

    def _of_namespace(self):
        """The columns 7 and 8 that every row shows of which the SAs are XFRM's."""
        return (self.errors["XfrmInNoStates"] + self.errors["XfrmInStateDirError"],
                self.errors["XfrmInStateProtoError"])

    def _know(self, name, texts, other, peers, own_stack, row):
        address, pending = self.LARVAL.get(name, (None, 0))
        gone = bool(row.gone_at)
        total = other
        for _, totals, _, _ in peers:
            total += totals
        stats = total.columns()
        stats["qmIpsecPendingKeyOperations"] = pending
        stats.update(zip(OF_NAMESPACE, row.errors))
        self.known.row("qmIpsecStatsEntry", index_of(name), stats)
        self.known.row("qmIpsecInstanceEntry", index_of(name), {
            "qmIpsecInstanceActive": 2 if gone or name == self.ABSENT else 1,
            "qmIpsecInstanceDescr": self.DESCR.get(name, texts[1]).encode(),
            "qmIpsecInstanceTransport": texts[2].encode(),
            "qmIpsecInstanceNetns": b"",
            "qmIpsecInstanceInitiatorName": texts[3].encode(),
            "qmIpsecInstanceIfIndex": 1 if name == "lo-device" else 0,
            "qmIpsecInstanceSessions": 0,
            "qmIpsecInstanceActiveSAs": 0,
            "qmIpsecInstancePendingKeyOperations": pending,
            "qmIpsecInstanceActiveTunnels": 0,
            "qmIpsecInstanceErrorScope": 1 if own_stack else 2,
            "qmIpsecInstanceReplayFailures": total.replay,
            "qmIpsecInstanceDiscontinuityTime": row.discontinuity,
            "qmIpsecInstanceLabel": name.encode(),
            "qmIpsecInstancePacketsSent": total.sent,
            "qmIpsecInstancePacketsReceived": total.received})
        remote = "2001:db8::99" if address and ":" in address else "192.0.2.99"
        for prefix, totals, changed, discontinuity in peers:
            self._know_peer(name, prefix, totals, changed, discontinuity,
                            pending if prefix == remote else 0)
        if any(other.list):
            self._know_peer(name, "other", other, 0, row.discontinuity, 0)

    def _know_peer(self, name, peer, totals, changed, discontinuity, pending):
        labels = {"198.51.100.0/24": "road warriors"}
        stats = totals.columns()
        self.known.row("qmIpsecPeerEntry", index_of(name) + index_of(peer), {
            "qmIpsecPeerLabel": labels.get(peer, peer).encode(),
            "qmIpsecPeerActive": 2, "qmIpsecPeerActiveSAs": 0, "qmIpsecPeerActiveTunnels": 0,
            "qmIpsecPeerPendingKeyOperations": pending,
            **{"qmIpsecPeer" + field: stats["qmIpsec" + field]
               for field in ("KeyAdditions", "KeyDeletions", "ReKeys",
                             "PacketsNotAuthenticated")},
            "qmIpsecPeerReplayFailures": totals.replay,
            "qmIpsecPeerPacketsSent": totals.sent,
            "qmIpsecPeerPacketsReceived": totals.received,
            **{"qmIpsecPeerBytes" + way: (stats["qmIpsecConfidentialBytes" + way] +
                                          stats["qmIpsecAuthenticatedBytes" + way]) % 2**64
               for way in ("Sent", "Received")},
            "qmIpsecPeerLastChange": changed,
            "qmIpsecPeerDiscontinuityTime": discontinuity})

    def _know_rest(self):
        for name, value in self.xfrm.items():
            self.known.row("qmIpsecXfrmEntry", (0, *index_of(name)), {
                "qmIpsecXfrmValue": value, "qmIpsecXfrmNetnsLabel": b"",
                "qmIpsecXfrmCounterLabel": name.encode()})
        know_scalars(self.known, sum(count for _, count in self.LARVAL.values()), True)


class Empty:
    """Nothing but the row `unattributed`: no SA, no peer, no xfrm_stat."""

    def __init__(self):
        self.known = Known()
        self.scene = Scene()

    def start(self):
        flush_xfrm()
        _, wrapper = fake_xfrm_stat(self.scene)  # the file is missing
        self.scene.configure("pollInterval 3600", "maxAge 3600", "maxRequestLoad 100",
                             "peers no")
        self.scene.start_snmpd()
        self.scene.start_daemon(wrapper=wrapper)
        self.scene.wait_attached()
        name = index_of("unattributed")
        self.known.row("qmIpsecStatsEntry", name, dict.fromkeys(STATS, 0))
        cells = {item.name: 0 for item in MIB.columns("qmIpsecInstanceEntry")}
        cells |= dict.fromkeys(["qmIpsecInstanceTransport", "qmIpsecInstanceNetns",
                                "qmIpsecInstanceInitiatorName"], b"")
        cells |= {"qmIpsecInstanceActive": 1, "qmIpsecInstanceErrorScope": 1,
                  "qmIpsecInstanceDescr": Many.DESCR["unattributed"].encode(),
                  "qmIpsecInstanceLabel": b"unattributed",
                  "qmIpsecInstanceDiscontinuityTime": None}
        self.known.row("qmIpsecInstanceEntry", name, cells)
        know_scalars(self.known, 0, False)


def know_scalars(known, sas, xfrm_stat):
    """None: only the type and the range are known; settle() reads it."""
    for name, value in {
            "Version": VERSION.encode(), "KernelRelease": os.uname().release.encode(),
            "PollInterval": HOUR_MS, "LastPoll": None, "LastPollDuration": None,
            "TrackedSAs": sas, "Events": 0, "EventLosses": 0, "Resyncs": 0, "FailedPolls": 0,
            "LastError": b"" if xfrm_stat else None,
            "XfrmStatAvailable": 1 if xfrm_stat else 2, "Polls": None,
            "DataAge": None}.items():
        known.put("qmIpsecAgent" + name, value)


def settle(world):
    """Reads what nobody can know before, and checks it: times on snmpd's clock, how long
    the poll took. From then on it must not change, but for the age of the data."""
    manager, binds = world.scene.manager, world.known.binds
    at = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    zero = at // TICK_NS - manager.value(SYS_UPTIME)
    offset = None
    for name, bind in sorted(binds.items()):
        known = bind.value
        if name == DATA_AGE or known is not None and bind.type != TIMETICKS:
            continue
        value = manager.value(name)
        if bind.type == TIMETICKS and known:
            # The daemon's zero is late by the time of an answer, always by as much.
            first = value - (known // TICK_NS - zero)
            offset = first if offset is None else offset
            if abs(offset) > LATE or abs(first - offset) > 1:
                raise AssertionError(f"{name}: {value} ticks, off by {first}, not {offset}")
        elif bind.type == TIMETICKS and known == 0 and value:
            raise AssertionError(f"{name}: {value} ticks instead of never")
        binds[name] = bind._replace(value=value)
    for item, (least, most) in {"LastPoll": (0, at // TICK_NS), "Polls": (1, 9),
                                "LastPollDuration": (1, 10**7)}.items():
        value = binds[MIB.objects["qmIpsecAgent" + item].oid + (0,)].value
        if not least <= value <= most:
            raise AssertionError(f"qmIpsecAgent{item} is {value}")
