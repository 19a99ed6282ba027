#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts what ESP carries by reading the wire, not the counters of SAs.

    wire.py --left NS IFACE --right NS IFACE --dir DIR

Listens at both ends of a wire until it is ended. The ESP of the tunnel must have the
null cipher, so that the length of each inner packet can be read. When DIR/ask
appears it writes DIR/report and removes DIR/ask:

    left_sent, left_received, right_sent, right_received    inner packets' bytes
    …_packets                                               and their number

Sent is what left that end. Received is what arrived there, without the packets for which no
SA existed, or one without keys. The kernel counts these (XfrmInNoStates) without a size:
they are the last ones for a deleted SA. Another reason for a rejection, a lost packet, or
one that the packet socket dropped makes the report one line that begins with "error".
"""
import argparse
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys

from enter import enter

ETH_P_ALL, SOL_PACKET, PACKET_STATISTICS, SO_RCVBUFFORCE = 3, 263, 6, 33
PACKET_HOST, PACKET_OUTGOING = 0, 4
ESP = 50
HEADERS = 14 + 20 + 8  # Ethernet, IPv4, ESP without an IV
# Counters that may be above 0 at an end: output without an SA, which is not on the wire,
# and packets that are rejected after they were counted.
HARMLESS = {"XfrmInNoStates", "XfrmInNoPols", "XfrmInTmplMismatch", "XfrmOutNoStates",
            "XfrmOutPolBlock", "XfrmInPolBlock", "XfrmAcquireError",
            "XfrmOutPolDead", "XfrmOutBundleCheckError", "XfrmOutBundleGenError",
            "XfrmOutPolError"}


class Surprise(Exception):
    """An event after which the counts are not certain."""


class End:
    def __init__(self, netns, iface):
        self.netns = netns
        enter(netns)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.socket.bind((iface, ETH_P_ALL))
        self.socket.setblocking(False)
        self.sent = {}  # by SPI: the inner packets' lengths
        self.arrived = {}
        self.refused = 0  # XfrmInNoStates so far
        self.early = 0  # XfrmAcquireError, likewise
        self.reported = {}  # by SPI: how many had arrived

    def read(self):
        """Reads everything that waits; False if nothing did."""
        some = False
        while True:
            try:
                frame, address = self.socket.recvfrom(128)
            except BlockingIOError:
                return some
            some = True
            lists = {PACKET_OUTGOING: self.sent,
                     PACKET_HOST: self.arrived}.get(address[2])
            if lists is not None and address[1] == 0x0800 and frame[23] == ESP:
                spi, length = parse(frame)
                lists.setdefault(spi, []).append(length)

    def complain(self):
        stats = self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        if struct.unpack("=II", stats)[1]:
            raise Surprise("packets were not shown at " + self.netns)

    def forget_refused(self):
        """Removes the packets without an SA from those that arrived."""
        said = subprocess.run(
            ["ip", "netns", "exec", self.netns, "sh", "-c",
             "cat /proc/net/xfrm_stat; ip xfrm state"], check=True,
            stdout=subprocess.PIPE, universal_newlines=True).stdout
        stat = dict(re.findall(r"^(Xfrm\S+)\s+(\d+)$", said, re.M))
        odd = {k: v for k, v in stat.items() if v != "0" and k not in HARMLESS}
        if odd:
            raise Surprise("%s: %s" % (self.netns, odd))
        self.forget_early(int(stat["XfrmAcquireError"]) - self.early)
        live = {int(spi, 16) for spi in re.findall(r"spi (0x[0-9a-f]+)", said)}
        new = int(stat["XfrmInNoStates"]) - self.refused
        self.refused += new
        dead = [spi for spi, lengths in self.arrived.items()
                if spi not in live and len(lengths) > self.reported.get(spi, 0)]
        if new:
            if len(dead) != 1 or len(self.arrived[dead[0]]) < new:
                raise Surprise("%s: %d packets met no SA, of those of %s" % (
                    self.netns, new, dead))
            del self.arrived[dead[0]][-new:]
        self.reported = {spi: len(seen) for spi, seen in self.arrived.items()}


    def forget_early(self, new):
        """Packets that arrived while their SA was still larval, since the other end
        can use it before this end has the keys. They are the first of a new SA."""
        self.early += new
        young = [spi for spi in self.arrived if not self.reported.get(spi)]
        if not new:
            return
        if len(young) != 1 or len(self.arrived[young[0]]) < new:
            raise Surprise("%s: %d packets came before their keys, of those of %s" % (
                self.netns, new, young))
        del self.arrived[young[0]][:new]


def parse(frame):
    """The SPI and the length of the inner packet."""
    if len(frame) < HEADERS + 20 or frame[14] != 0x45 or frame[HEADERS] >> 4 != 4:
        raise Surprise("not IPv4 in ESP without a cipher: " + frame.hex())
    if struct.unpack_from("!H", frame, 20)[0] & 0x3fff:
        raise Surprise("a fragment: " + frame.hex())
    (spi,) = struct.unpack_from("!I", frame, 34)
    return spi, struct.unpack_from("!H", frame, HEADERS + 2)[0]


def total(lists):
    return sum(map(sum, lists.values())), sum(map(len, lists.values()))


def report(left, right):
    while left.read() | right.read():
        pass
    for end, other in ((left, right), (right, left)):
        end.complain()
        came = total(other.arrived)[1] + other.refused + other.early
        if total(end.sent)[1] != came:
            raise Surprise("%d packets left %s, %d came in" % (
                total(end.sent)[1], end.netns, came))
    for end in left, right:
        end.forget_refused()
    lines = []
    for name, end in (("left", left), ("right", right)):
        for what, lists in (("sent", end.sent), ("received", end.arrived)):
            size, number = total(lists)
            lines += ["%s_%s=%d" % (name, what, size),
                      "%s_%s_packets=%d" % (name, what, number)]
        lines.append("%s_refused=%d" % (name, end.refused))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--left", nargs=2, required=True)
    parser.add_argument("--right", nargs=2, required=True)
    parser.add_argument("--dir", required=True)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    left, right = End(*args.left), End(*args.right)
    ask, answer = args.dir + "/ask", args.dir + "/report"
    open(args.dir + "/ready", "w").close()
    error = None
    while True:
        select.select([left.socket, right.socket], [], [], 0.05)
        try:
            left.read()
            right.read()
            asked = os.path.exists(ask)
            text = report(left, right) if asked and not error else None
        except Surprise as surprise:
            error = error or "error=%s" % surprise
        if os.path.exists(ask):
            with open(answer + ".new", "w") as handle:
                handle.write((error or text or "") + "\n")
            if error or text:
                os.unlink(ask)
                os.rename(answer + ".new", answer)


if __name__ == "__main__":
    main()
