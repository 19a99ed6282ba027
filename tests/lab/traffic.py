#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends a known amount of traffic and verifies that it arrived.

One process opens a socket in each of two network namespaces, so it knows both
ends. It prints, as shell assignments, what IPsec must have counted, computed
from the sockets and not from XFRM:

    packets_sent, packets_received     IP packets of the flow, left to right
    bytes_sent, bytes_received         their bytes without the IP header
    back_packets_…, back_bytes_…       the same for the way back (TCP's answers)

Transport mode counts these bytes; tunnel mode counts an additional IP header for each
packet (20 bytes, or 40 for IPv6).
"""
import argparse
import collections
import os
import select
import socket
import struct
import sys
import time

from enter import enter

UDP_HEADER = 8
TCP_HEADER = 32  # with the timestamp option, which Linux always uses
TCP_SYN_EXTRA = 8  # a SYN has 40 bytes: also MSS, SACK, window scale
TCP_REPAIR = 19
IDLE = 60  # seconds without an arrival until a loss
QUIET = 1  # where loss is not an error: seconds after which nothing is in flight


def open_socket(netns, address, port, kind):
    enter(netns)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    return sock


def receive(sock, seconds):
    """The length of one datagram, or None if it does not arrive."""
    if not select.select([sock], [], [], seconds)[0]:
        return None
    return len(sock.recv(65536))


def more(args, sent, count):
    """True until a count is reached, or a file is removed."""
    if args.while_file:
        return os.path.exists(args.while_file)
    return sent < count


def one_way(args, sender, receiver, dest, count, size):
    """Returns the numbers of datagrams sent and received.

    A kernel may refuse a datagram: with a policy that blocks, without SA or route, and
    while a policy is replaced (EINVAL, seen on Linux 7.2). It is not sent then, so it is
    not lost either. In a flow that is no error: if it persists, the scenario waits in vain
    for bytes.
    """
    payload = bytes(size)
    sent = received = 0
    refused = collections.Counter()
    while more(args, sent, count):
        try:
            sender.sendto(payload, (dest, args.port))
        except OSError as error:
            if not args.tolerant and not args.while_file:
                raise
            refused[error.strerror] += 1
            time.sleep(args.pause)
            continue
        sent += 1
        # Each datagram is awaited, so nothing can overflow, and a loss shows at
        # once, at the lost datagram.
        got = receive(receiver, 0.1 if args.tolerant else IDLE)
        if got == size:
            received += 1
        elif got is not None or not args.tolerant:
            sys.exit("datagram %d of %d bytes did not arrive" % (sent, size))
        time.sleep(args.pause)
    # A datagram can arrive after its timeout, and is then taken for the next: at the
    # end the last one is missing.
    while received < sent and receive(receiver, QUIET) == size:
        received += 1
    for reason, times in refused.items():
        print("%d datagrams were refused: %s" % (times, reason), file=sys.stderr)
    return sent, received


def udp(args):
    left = open_socket(args.left, args.source, args.port, socket.SOCK_DGRAM)
    right = open_socket(args.right, args.dest, args.port, socket.SOCK_DGRAM)
    there = one_way(args, left, right, args.dest, args.count, args.size)
    args.while_file = None
    back = one_way(args, right, left, args.source, args.back_count, args.back_size)
    packet, back_packet = args.size + UDP_HEADER, args.back_size + UDP_HEADER
    return {
        "packets_sent": there[0], "bytes_sent": there[0] * packet,
        "packets_received": there[1], "bytes_received": there[1] * packet,
        "back_packets_sent": back[0], "back_bytes_sent": back[0] * back_packet,
        "back_packets_received": back[1],
        "back_bytes_received": back[1] * back_packet,
    }


def tcp_counts(sock):
    """Segments and payload bytes of a connection: (out, in) pairs."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    # struct tcp_info of linux/tcp.h
    acked, received = struct.unpack_from("=QQ", info, 120)
    segs_out, segs_in = struct.unpack_from("=II", info, 136)
    (bytes_sent,) = struct.unpack_from("=Q", info, 200)
    (unacked,) = struct.unpack_from("=I", info, 24)
    (retransmitted,) = struct.unpack_from("=Q", info, 208)
    return {
        "segs_out": segs_out, "segs_in": segs_in, "bytes_sent": bytes_sent,
        "bytes_received": received, "unacked": unacked, "acked": acked,
        "retransmitted": retransmitted,
    }


def settle(left, right):
    """Waits until everything that each end sent has reached the other."""
    end = time.monotonic() + IDLE
    while time.monotonic() < end:
        a, b = tcp_counts(left), tcp_counts(right)
        # The accepting end does not count its SYN-ACK in segs_out.
        b["segs_out"] += 1
        if a["segs_out"] == b["segs_in"] and b["segs_out"] == a["segs_in"] \
                and a["unacked"] == 0:
            return a, b
        time.sleep(0.05)
    sys.exit("tcp did not settle: %s %s" % (a, b))


def patience(args):
    """How long a connection may be idle: TCP waits longer each time."""
    return 6 * IDLE if args.tolerant else IDLE


def settle_lossy(left):
    """Waits until all data is acknowledged and the last acknowledgement is old.
    Segments were lost, so the numbers of the two ends cannot be compared."""
    end = time.monotonic() + 6 * IDLE
    while tcp_counts(left)["unacked"]:
        if time.monotonic() > end:
            sys.exit("tcp did not settle: %s" % tcp_counts(left))
        time.sleep(0.05)
    time.sleep(0.5)


def tcp(args):
    listener = open_socket(args.right, args.dest, args.port, socket.SOCK_STREAM)
    listener.listen(1)
    left = open_socket(args.left, args.source, 0, socket.SOCK_STREAM)
    left.connect((args.dest, args.port))
    right, _ = listener.accept()
    right.setblocking(False)
    left.setblocking(False)
    payload = bytes(args.size)
    sent = received = 0
    idle_since = time.monotonic()
    # Asked once in each turn: if the file is removed between two questions, the first
    # lets a turn begin that waits for data which nobody sends any more.
    while (sending := more(args, sent, args.count)) or received < sent * args.size:
        writable = [left] if sending else []
        readable, writable, _ = select.select([right], writable, [], IDLE)
        if writable:
            rest = memoryview(payload)
            while rest:
                try:
                    rest = rest[left.send(rest):]
                except BlockingIOError:
                    received += drain(right)
            sent += 1
        received += drain(right)
        if readable or writable:
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since > patience(args):
            sys.exit("tcp stalled after %d bytes" % received)
        if args.pause:
            time.sleep(args.pause)
    if args.tolerant:
        settle_lossy(left)
        vanish(left)
        vanish(right)
        return {"payload": received}
    a, b = settle(left, right)
    vanish(left)
    vanish(right)

    def ip_bytes(end):
        # Both ends sent exactly one SYN.
        return end["bytes_sent"] + TCP_HEADER * end["segs_out"] + TCP_SYN_EXTRA

    return {
        "packets_sent": a["segs_out"], "bytes_sent": ip_bytes(a),
        "packets_received": b["segs_in"],
        "bytes_received": b["bytes_received"] + TCP_HEADER * b["segs_in"]
        + TCP_SYN_EXTRA,
        "back_packets_sent": b["segs_out"], "back_bytes_sent": ip_bytes(b),
        "back_packets_received": a["segs_in"],
        "back_bytes_received": a["bytes_received"] + TCP_HEADER * a["segs_in"]
        + TCP_SYN_EXTRA,
        "payload": received, "retransmitted": a["retransmitted"],
    }


def vanish(sock):
    """Closes a connection without FIN or RST, which would count."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    sock.close()


def drain(sock):
    got = 0
    while True:
        try:
            data = sock.recv(1 << 20)
        except BlockingIOError:
            return got
        if not data:
            return got
        got += len(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["udp", "tcp"])
    parser.add_argument("--left", required=True, help="namespace that sends")
    parser.add_argument("--right", required=True, help="namespace that receives")
    parser.add_argument("--source", required=True)
    parser.add_argument("--dest", required=True)
    parser.add_argument("--port", type=int, default=7777)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--back-count", type=int, default=0, help="udp, the way back")
    parser.add_argument("--back-size", type=int, default=1000)
    parser.add_argument("--pause", type=float, default=0)
    parser.add_argument("--while-file", help="go on as long as this file is there")
    parser.add_argument("--tolerant", action="store_true",
                        help="loss and a refusal are no errors; for tcp, only the payload"
                             " is known then")
    args = parser.parse_args()
    result = {"udp": udp, "tcp": tcp}[args.kind](args)
    for name, value in result.items():
        print("%s=%d" % (name, value))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
