#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers by the lab's own computation, and the comparison with qmipsecd's.

    oracle.py columns --local A,B…      expected columns as NAME=VALUE lines
    oracle.py compare --local A,B… --row NAME (--json FILE | --snmp "ARGS") \\
            [--set COLUMN=VALUE…] [--skip COLUMN…] [COLUMN=VALUE…]
        all columns as ip shows them (--set: without deleted SAs, which ip cannot
        know), and these as the scenario knows them
    oracle.py diff --row NAME (--json …| --snmp …) COLUMN=VALUE…
    oracle.py value --row NAME (--json …| --snmp …) COLUMN…
        … --peer ADDRESS    of a peer of this row, by the columns of the peer table
    oracle.py sums --row NAME --snmp "ARGS"
        the peers of a row add up to the row, and each has the SAs that it added and did
        not delete
    oracle.py sum FIELD [--local …] [KEY=VALUE…]    over SAs: oracle.py sum bytes dir=in
        … --file FILE       over those that were deleted, as `ip -s xfrm monitor SA` wrote
    oracle.py events --file FILE [--local …]
        KeyAdditions, KeyDeletions, ReKeys, ActiveSA and ActiveTunnels by what `ip xfrm
        monitor SA expire` wrote to FILE from before the first SA on
    oracle.py watch --row NAME --snmp "ARGS" --while-file FILE [--strict]
        repeats requests until FILE is removed: no counter may decrease (without
        --strict: unless DiscontinuityTime changed), and DiscontinuityTime may not be
        later than sysUpTime; writes the number of answers to FILE
    oracle.py record --row NAME --snmp "ARGS" --while-file FILE COLUMN…
        repeats requests until FILE is removed, and prints each answer on a line
    oracle.py settle --snmp "ARGS"      waits until everything so far is counted
    oracle.py get --snmp "ARGS" OID…    the values of any objects
    oracle.py stat COUNTER              of /proc/net/xfrm_stat
    … --settle                          compare, diff, value and sums do that first

It shares no code with qmipsecd: it reads the output of `ip -s xfrm state` (see states.py)
and /proc/net/xfrm_stat, in its own namespace.
"""
import argparse
import ipaddress
import json
import os
import re
import subprocess
import sys
import time

import manager
from manager import output_of
from states import Mismatch, parse_states
from tables import (COLUMNS, INSTANCE_COUNTERS, INSTANCE_TABLE, PEER_COLUMNS, ROOT,
                    peer_of_snmp, row_and_peers, row_of_snmp, wrong_sums)

TIMES = (("DiscontinuityTime", INSTANCE_TABLE + ".14.INDEX"),
         ("sysUpTime", "1.3.6.1.2.1.1.3.0"))
LAST_POLL = ROOT + ".1.4.4.0"
LAST_DURATION = ROOT + ".1.4.5.0"
MOVE = 200  # ms for which a deletion waits, since it can become a move
PATIENCE = 120  # seconds
PAUSE = 0.05  # between requests, as there is no new poll earlier (maxAge of config)
DELETED = re.compile(r"^Deleted (src .*\n(?:\s.*\n)+)", re.M)
LEVELS = ("ActiveSA", "PendingKeyOperations", "ActiveTunnels")


# --- the SAs ----------------------------------------------------------------

def local_addresses():
    found = json.loads(output_of("ip", "-j", "address"))
    return [a["local"] for link in found for a in link["addr_info"]]


def read_states(local, path=None):
    """The SAs of this namespace, or those that were deleted, as ip wrote it to a file.
    Each has "dir": in, out or none."""
    local = {ipaddress.ip_address(a) for a in local or local_addresses()}
    if path:
        with open(path) as handle:
            states = parse_states("".join(DELETED.findall(handle.read())))
    else:
        states = parse_states(output_of("ip", "-s", "xfrm", "state"))
    for sa in states:
        inward = ipaddress.ip_address(sa["dst"]) in local
        outward = ipaddress.ip_address(sa["src"]) in local
        sa["dir"] = "none" if inward == outward else "in" if inward else "out"
    return states


# --- /proc/net/xfrm_stat ----------------------------------------------------

def read_xfrm_stat():
    with open("/proc/thread-self/net/xfrm_stat") as handle:
        return {name: int(value) for name, value in map(str.split, handle)}


# --- the 18 columns ---------------------------------------------------------

def pending(larval):
    """The number of larval SAs; an ACQ entry (SPI 0) and its larval SA count once."""
    halves = [sa for sa in larval if sa["spi"]]
    for acq in larval:
        if acq["spi"] == 0 and not any(
                half["seq"] == acq["seq"] and half["proto"] == acq["proto"]
                for half in halves):
            halves.append(acq)
    return len(halves)


def columns_of(states, stat):
    """The columns of a row with all these SAs, if none was ever deleted."""
    ipsec = [sa for sa in states if sa["proto"] in ("esp", "ah")]
    keyed = [sa for sa in ipsec if sa["keyed"]]
    failed = sum(sa["integrity_failed"] for sa in ipsec)

    def total(field, **wanted):
        return sum(sa[field] for sa in keyed if all(
            sa[key] in value for key, value in wanted.items()))

    transport, tunnel = ("transport", "beet"), ("tunnel", "iptfs")
    columns = {
        "ActiveSA": len(keyed),
        "PendingKeyOperations": pending([s for s in ipsec if not s["keyed"]]),
        "KeyAdditions": len(keyed),
        "KeyDeletions": 0,
        "ReKeys": 0,
        "ActiveTunnels": len({
            (sa["src"], sa["dst"], sa["reqid"], sa["if_id"], sa["mark"])
            for sa in keyed if sa["dir"] == "out" and sa["mode"] in tunnel}),
        "BadSPIPackets": stat["XfrmInNoStates"] + stat.get("XfrmInStateDirError", 0),
        "PacketsNotDecrypted": max(0, stat["XfrmInStateProtoError"] - failed),
        "PacketsNotAuthenticated": failed,
        "PacketsWithReplayDetection": sum(
            sa["packets"] for sa in keyed if sa["dir"] == "in" and sa["window"]),
    }
    for word, where in (("Sent", ("out",)), ("Received", ("in",))):
        columns["ConfidentialBytes" + word] = total("bytes", proto=("esp",), dir=where)
        columns["AuthenticatedBytes" + word] = total("bytes", proto=("ah",), dir=where)
        columns["TransportBytes" + word] = total("bytes", mode=transport, dir=where)
        columns["TunnelBytes" + word] = total("bytes", mode=tunnel, dir=where)
    columns["ReplayFailures"] = sum(
        sa["replay"] + sa["replay_window"] for sa in keyed)
    return columns


# --- qmipsecd's numbers -----------------------------------------------------

def load_json(path):
    if path == "-":
        return json.load(sys.stdin)
    with open(path) as handle:
        return json.load(handle)


def row_of_json(document, name):
    rows = {row["name"]: row for row in document["instances"]}
    if name not in rows:
        raise Mismatch("no row %r, only %s" % (name, sorted(rows)))
    row = dict(rows[name]["stats"], ReplayFailures=rows[name]["replay_failures"])
    if sorted(row) != sorted(COLUMNS + ["ReplayFailures"]):
        raise Mismatch("row %r has the fields %s" % (name, sorted(row)))
    return row


def settle(arguments, seconds):
    """Waits for a poll that began after now, and for another that began MOVE later.
    The first reads all messages so far, the other completes deletions and absences. A
    fixed time is not enough: polls may take at most a tenth of a processor, and in
    User-mode Linux the time that the host gives to others counts, so the next poll can
    be a second away."""
    end = time.monotonic() + seconds
    earlier = first = None  # ends of polls, in ms of qmipsecd's clock
    while time.monotonic() <= end:
        try:
            (_, last), (_, took) = manager.get(arguments, LAST_POLL, LAST_DURATION)
        except manager.Failed:
            earlier = first = None  # no answer: its clock may start again
            time.sleep(0.05)
            continue
        # The first answer can be of a poll that began before.
        if first is None and earlier not in (None, last):
            first = last * 10
        earlier = last
        # A tick is 10 ms, rounded down.
        if first is not None and last * 10 - took / 1000 >= first + 10 + MOVE:
            return
        time.sleep(0.03)
    raise Mismatch("not polled anew within %d s" % seconds)


def row_of(args):
    if args.settle:
        settle(args.snmp, args.settle)
    if args.peer:
        return peer_of_snmp(args.snmp, args.row, args.peer)
    if args.snmp:
        return row_of_snmp(args.snmp, args.row)
    return row_of_json(load_json(args.json), args.row)


# --- ip xfrm monitor --------------------------------------------------------

class Life:
    """The keyed SAs of a namespace, followed by the messages."""

    def __init__(self, local):
        self.local = local
        self.live = {}  # in the order of their addition
        self.counts = {"KeyAdditions": 0, "KeyDeletions": 0, "ReKeys": 0}

    def born(self, key, who):
        self.counts["KeyAdditions"] += 1
        self.live.pop(key, None)
        self.live[key] = who

    def died(self, key):
        if key not in self.live:
            return  # a larval SA
        self.counts["KeyDeletions"] += 1
        who = self.live[key]
        younger = list(self.live)[list(self.live).index(key) + 1:]
        if who[0] in self.local and who[2] and any(
                self.live[other] == who for other in younger):
            self.counts["ReKeys"] += 1
        del self.live[key]

    def result(self):
        tunnels = {who for who in self.live.values()
                   if who[0] in self.local and who[3] == "tunnel"}
        return dict(self.counts, ActiveSA=len(self.live), ActiveTunnels=len(tunnels))


MESSAGE = re.compile(
    r"^(Deleted |Updated |Expired |)src (\S+) dst (\S+)\n"
    r"\s+proto (esp|ah) spi (0x[0-9a-f]+) reqid (\d+) mode (\S+)"
    r"((?:\n\s.*)*)", re.M)


def life_of(text, local):
    """The SAs by the messages that ip printed. UPDSA is treated as the end of a larval
    state: a scenario must know it if it is of a live SA."""
    if "Flushed" in text or "error" in text:
        raise Mismatch("ip xfrm monitor: not every SA's end is in there")
    life = Life(local)
    for match in MESSAGE.finditer(text):
        what, src, dst, proto, spi, reqid, mode, rest = match.groups()
        key, who = (dst, proto, spi), (src, dst, int(reqid), mode)
        if what == "Deleted ":
            life.died(key)
        elif what == "Expired ":
            if re.search(r"\bhard 1", rest):
                life.died(key)
        elif what == "Updated " and key in life.live:
            raise Mismatch("ip xfrm monitor: UPDSA of a live SA: " + match.group())
        else:
            life.born(key, who)
    return life.result()


def events(args):
    local = set(args.local) if args.local else {
        str(address) for address in local_addresses()}
    with open(args.file) as handle:
        for name, value in life_of(handle.read(), local).items():
            print("%s=%d" % (name, value))
    return 0


# --- watching ---------------------------------------------------------------

def fell(before, now):
    return ["%s: %d, then %d" % (name, before[name], now[name]) for name in now
            if name not in LEVELS and now[name] < before[name]]


def wrong_times(row, took):
    """took: ticks from the request to the answer. snmpd reads its own sysUpTime before
    it asks qmipsecd, which can poll then."""
    if row["DiscontinuityTime"] <= row["sysUpTime"] + took:
        return []
    return ["DiscontinuityTime %(DiscontinuityTime)d, sysUpTime %(sysUpTime)d" % row]


def tell(path, answers):
    """Writes to a file unless it was removed."""
    try:
        with open(path, "r+") as handle:
            handle.write("%d\n" % answers)
    except FileNotFoundError:
        pass


def watch(args):
    answers, gaps, wrong, last = 0, 0, [], None
    while os.path.exists(args.while_file):
        asked = time.monotonic()
        try:
            row = row_of_snmp(args.snmp, args.row, TIMES)
        except (Mismatch, manager.Failed):
            gaps += 1  # nothing answers
            time.sleep(0.05)
            continue
        answers += 1
        wrong += wrong_times(row, int((time.monotonic() - asked) * 100) + 1)
        since = row.pop("DiscontinuityTime"), row.pop("sysUpTime")
        if last and (args.strict or since[0] == last[1]):
            wrong += fell(last[0], row)
        last = row, since[0]
        tell(args.while_file, answers)
        time.sleep(PAUSE)
    print("%d answers, %d gaps" % (answers, gaps), *wrong, sep="\n")
    return 1 if wrong or answers < args.at_least else 0


# --- commands ---------------------------------------------------------------

def assignments(pairs):
    result = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if name not in {*COLUMNS, *INSTANCE_COUNTERS, *PEER_COLUMNS}:
            raise Mismatch("no such column: " + name)
        result[name] = int(value)
    return result


def report(source, expected, actual):
    """Prints the columns that differ, and returns their number."""
    wrong = {name for name, value in expected.items() if actual[name] != value}
    for name in expected:
        if name in wrong:
            print("%s: %s it is %d, qmipsecd has %d (%+d)" % (
                name, source, expected[name], actual[name],
                actual[name] - expected[name]))
    return len(wrong)


def compare(args):
    expected = columns_of(read_states(args.local), read_xfrm_stat())
    expected.update(assignments(args.set))
    for name in args.skip:
        del expected[name]
    actual = row_of(args)
    wrong = report("by ip", expected, actual)
    wrong += report("by what was sent", assignments(args.items), actual)
    return 1 if wrong else 0


def diff(args):
    return 1 if report("by the scenario", assignments(args.items), row_of(args)) else 0


def sums(args):
    if args.settle:
        settle(args.snmp, args.settle)
    row, peers = row_and_peers(args.snmp, args.row)
    wrong = wrong_sums(row, peers)
    if not row["KeyAdditions"]:
        wrong.append("row %r has never had an SA" % args.row)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


def columns(args):
    expected = columns_of(read_states(args.local), read_xfrm_stat())
    for name, value in expected.items():
        print("%s=%d" % (name, value))
    return 0


def value(args):
    row = row_of(args)
    print(*[row[name] for name in args.items])
    return 0


def record(args):
    while os.path.exists(args.while_file):
        value(args)
        time.sleep(PAUSE)
    return 0


def get(args):
    for _, found in manager.get(args.snmp, *args.items):
        print(found.decode() if isinstance(found, bytes) else found)
    return 0


def stat(args):
    print(*[read_xfrm_stat()[name] for name in args.items])
    return 0


def settle_command(args):
    settle(args.snmp, args.settle or PATIENCE)
    return 0


def total(args):
    field, *conditions = args.items
    wanted = [condition.split("=", 1) for condition in conditions]
    states = [sa for sa in read_states(args.local, args.file)
              if all(str(sa[key]) == text for key, text in wanted)]
    print(len(states) if field == "count" else sum(sa[field] for sa in states))
    return 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = {"compare": compare, "diff": diff, "columns": columns,
                "value": value, "sums": sums, "sum": total, "events": events, "watch": watch,
                "record": record, "get": get, "stat": stat,
                "settle": settle_command}
    parser.add_argument("command", choices=commands)
    parser.add_argument("--local", type=lambda text: text.split(","),
                        help="this end's addresses (default: all of the namespace's)")
    parser.add_argument("--row", default="unattributed")
    parser.add_argument("--peer", metavar="ADDRESS")
    parser.add_argument("--json", default="-")
    parser.add_argument("--snmp", help="snmpget's options and agent")
    parser.add_argument("--settle", nargs="?", type=int, const=PATIENCE,
                        metavar="SECONDS", help="the longest that it may take")
    parser.add_argument("--file", help="what ip xfrm monitor wrote")
    parser.add_argument("--while-file", help="watch until it has gone")
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--at-least", type=int, default=1, help="answers to see")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("items", nargs="*")
    args = parser.parse_intermixed_args()
    try:
        return commands[args.command](args)
    except (Mismatch, ValueError, manager.Failed, subprocess.CalledProcessError) as error:
        print(error)
        return 2


if __name__ == "__main__":
    sys.exit(main())
