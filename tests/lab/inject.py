#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Records ESP and AH frames of an interface and sends changed copies of them.

    inject.py record --iface IF --file FILE -- traffic ARGUMENT…
        the frames that leave by IF during this traffic; prints their number
    inject.py send --iface IF --file FILE [--count N] [--first N] [change…]
        N frames: the recorded ones from the Nth on, over and over; prints N

Frames are sent by AF_PACKET, so the sender's own XFRM does not see or count them.
An unchanged frame is a replay.
"""
import argparse
import contextlib
import socket
import struct
import sys

import traffic

ETH_P_ALL = 3
ETHERNET = 14
ESP, AH = 50, 51
V4, V6 = 0x0800, 0x86dd


class Frame:
    """A frame with one IPv4 or IPv6 packet without options, which carries ESP or AH."""

    def __init__(self, data):
        self.data = bytearray(data)
        (self.ethertype,) = struct.unpack_from("!H", data, 12)
        self.proto = None
        if self.ethertype == V4:
            self.proto = data[ETHERNET + 9]
            self.ipsec = ETHERNET + (data[ETHERNET] & 15) * 4
            (length,) = struct.unpack_from("!H", data, ETHERNET + 2)
            self.data = self.data[:ETHERNET + length]
        elif self.ethertype == V6:
            self.proto = data[ETHERNET + 6]
            self.ipsec = ETHERNET + 40

    def is_ipsec(self):
        return self.proto in (ESP, AH)

    def set_spi(self, spi):
        struct.pack_into("!I", self.data, self.ipsec + (4 if self.proto == AH else 0),
                         spi)

    def set_seq(self, seq):
        struct.pack_into("!I", self.data, self.ipsec + (8 if self.proto == AH else 4),
                         seq)

    def flip_icv(self):
        # ESP ends with its ICV; AH has it after three words of header.
        at = self.ipsec + 12 if self.proto == AH else len(self.data) - 1
        self.data[at] ^= 1

    def flip_payload(self):
        """Flips a bit of the encrypted part: for an SA with an ICV like a wrong key,
        and not detected without one."""
        self.data[self.ipsec + 24] ^= 1

    def set_ah_length(self, words):
        """The length field of AH, which must match the ICV length of the SA."""
        self.data[self.ipsec + 1] = words

    def cut(self, size):
        """Keeps SIZE bytes, beginning at the ESP or AH header."""
        del self.data[self.ipsec + size:]
        if self.ethertype == V6:
            struct.pack_into("!H", self.data, ETHERNET + 4, size)
            return
        struct.pack_into("!H", self.data, ETHERNET + 2, len(self.data) - ETHERNET)
        struct.pack_into("!H", self.data, ETHERNET + 10, 0)
        words = struct.unpack("!%dH" % ((self.ipsec - ETHERNET) // 2),
                              self.data[ETHERNET:self.ipsec])
        total = sum(words)
        total = (total & 0xffff) + (total >> 16)
        total = (total & 0xffff) + (total >> 16)
        struct.pack_into("!H", self.data, ETHERNET + 10, total ^ 0xffff)


def packet_socket(iface):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind((iface, ETH_P_ALL))
    return sock


def record(args):
    sock = packet_socket(args.iface)
    sock.setblocking(False)
    with contextlib.redirect_stdout(sys.stderr):
        sys.argv = args.words
        traffic.main()
    frames = []
    while True:
        try:
            data, address = sock.recvfrom(65536)
        except BlockingIOError:
            break
        if address[2] == socket.PACKET_OUTGOING and Frame(data).is_ipsec():
            frames.append(data)
    with open(args.file, "w") as out:
        out.writelines(frame.hex() + "\n" for frame in frames)
    print(len(frames))


def change(frame, args):
    if args.spi is not None:
        frame.set_spi(args.spi)
    if args.seq is not None:
        frame.set_seq(args.seq)
    if args.flip_icv:
        frame.flip_icv()
    if args.flip_payload:
        frame.flip_payload()
    if args.ah_length is not None:
        frame.set_ah_length(args.ah_length)
    if args.cut is not None:
        frame.cut(args.cut)


def send(args):
    with open(args.file) as lines:
        recorded = [bytes.fromhex(line) for line in lines][args.first:]
    if not recorded:
        sys.exit("inject: nothing was recorded")
    sock = packet_socket(args.iface)
    count = args.count or len(recorded)
    for number in range(count):
        frame = Frame(recorded[number % len(recorded)])
        change(frame, args)
        sock.send(frame.data)
    print(count)


def main():
    def integer(text):
        return int(text, 0)

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["record", "send"])
    parser.add_argument("--iface", required=True)
    parser.add_argument("--file", required=True)
    parser.add_argument("--count", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--spi", type=integer)
    parser.add_argument("--seq", type=integer)
    parser.add_argument("--flip-icv", action="store_true")
    parser.add_argument("--flip-payload", action="store_true")
    parser.add_argument("--ah-length", type=integer)
    parser.add_argument("--cut", type=integer, metavar="SIZE")
    own, words = sys.argv[1:], []
    if "--" in own:
        at = own.index("--")
        own, words = own[:at], own[at + 1:]
    args = parser.parse_args(own)
    args.words = words
    {"record": record, "send": send}[args.command](args)


if __name__ == "__main__":
    main()
