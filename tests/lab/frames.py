#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts the ESP frames that leave by an interface, in the kernel.

    frames.py --iface IFACE --file FILE [--dest ADDRESS]
        all of them, or those to an IPv4 address, also in UDP (NAT-T)

After each SIGUSR1 it writes their number since the start to FILE, atomically. When it has
begun to count, FILE exists with 0.

A packet socket counts what passes its filter, and also what it drops. So the frames need
not be read in time, and the number is right however late this program runs.
"""
import argparse
import ctypes
import os
import signal
import socket
import struct

ETH_P_ALL, SOL_PACKET, PACKET_STATISTICS, SO_ATTACH_FILTER = 3, 263, 6, 26
PACKET_OUTGOING = 4
ESP, UDP, NAT_T = 50, 17, 4500
ETHERTYPE, PROTO_V4, PROTO_V6 = 12, 14 + 9, 14 + 6
DEST_V4 = 14 + 16
SOURCE_PORT, NON_ESP_MARKER = 14 + 20, 14 + 28  # without IP options
LOAD_BYTE, LOAD_HALF, LOAD_WORD, IF_EQUAL, RETURN = 0x30, 0x28, 0x20, 0x15, 0x06
PACKET_TYPE = 0xfffff000 + 4  # SKF_AD_OFF + SKF_AD_PKTTYPE

# (code, jump if true, jump if false, value) of linux/filter.h. What loads something
# beyond the frame does not count it.
ANY = [
    (LOAD_BYTE, 0, 0, PACKET_TYPE),
    (IF_EQUAL, 0, 8, PACKET_OUTGOING),
    (LOAD_HALF, 0, 0, ETHERTYPE),
    (IF_EQUAL, 0, 2, 0x0800),
    (LOAD_BYTE, 0, 0, PROTO_V4),
    (IF_EQUAL, 3, 4, ESP),
    (IF_EQUAL, 0, 3, 0x86dd),
    (LOAD_BYTE, 0, 0, PROTO_V6),
    (IF_EQUAL, 0, 1, ESP),
    (RETURN, 0, 0, 64),
    (RETURN, 0, 0, 0),
]


def filter_to(dest):
    """In UDP, IKE begins with a word of 0, and a NAT keepalive has only one byte."""
    (address,) = struct.unpack("!I", socket.inet_aton(dest))
    return [
        (LOAD_BYTE, 0, 0, PACKET_TYPE),
        (IF_EQUAL, 0, 12, PACKET_OUTGOING),
        (LOAD_HALF, 0, 0, ETHERTYPE),
        (IF_EQUAL, 0, 10, 0x0800),
        (LOAD_WORD, 0, 0, DEST_V4),
        (IF_EQUAL, 0, 8, address),
        (LOAD_BYTE, 0, 0, PROTO_V4),
        (IF_EQUAL, 5, 0, ESP),
        (IF_EQUAL, 0, 5, UDP),
        (LOAD_HALF, 0, 0, SOURCE_PORT),
        (IF_EQUAL, 0, 3, NAT_T),
        (LOAD_WORD, 0, 0, NON_ESP_MARKER),
        (IF_EQUAL, 1, 0, 0),
        (RETURN, 0, 0, 64),
        (RETURN, 0, 0, 0),
    ]


def open_counter(iface, steps):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    keep = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                    struct.pack("@HP", len(steps), ctypes.addressof(keep)))
    sock.bind((iface, ETH_P_ALL))
    return sock


def counted(sock):
    """The number since the last call, with the frames that were dropped."""
    stats = sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
    return struct.unpack("=II", stats)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iface", required=True)
    parser.add_argument("--file", required=True)
    parser.add_argument("--dest", metavar="ADDRESS")
    args = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    sock = open_counter(args.iface, filter_to(args.dest) if args.dest else ANY)
    total = 0
    while True:
        total += counted(sock)
        with open(args.file + ".new", "w") as out:
            out.write("%d\n" % total)
        os.rename(args.file + ".new", args.file)
        signal.sigwait({signal.SIGUSR1})


if __name__ == "__main__":
    main()
