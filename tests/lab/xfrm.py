#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes of SAs that ip cannot make: fast, in bulk, or like a keying daemon.

    xfrm.py add FIRST COUNT      keyed ESP SAs (null cipher) of these SPIs
    xfrm.py delete FIRST COUNT   deletes them, one by one
    xfrm.py churn FIRST COUNT    each added and deleted at once, before the next
    xfrm.py larval FIRST COUNT   ALLOCSPI of all, then deletes them one by one
    xfrm.py move SPI --gap SECONDS --to-source A --to-dest B
        strongSwan's address change: DELSA, and after the gap NEWSA with the same
        SPI, keys, byte count and add_time
    xfrm.py publish SPI --bytes N --packets N [--add-time SECONDS]
        like a dataplane that carries the packets instead of XFRM: NEWAE sets the SA's
        counters, and its add_time to now or to SECONDS

The SAs are from --source to --dest, each with its SPI as its reqid, since the kernel walks
all SAs with the same ends and reqid for each one that is added. It works in its own
namespace, waits for the kernel's answers, and fails if one is an error.
"""
import argparse
import ipaddress
import os
import socket
import struct
import sys
import time

NETLINK_XFRM = 6
NLMSG_ERROR = 2
NLM_F_REQUEST, NLM_F_ACK, NLM_F_REPLACE = 1, 4, 0x100
XFRM_MSG_NEWSA, XFRM_MSG_DELSA, XFRM_MSG_GETSA, XFRM_MSG_ALLOCSPI = 16, 17, 18, 22
XFRM_MSG_NEWAE = 30
XFRMA_ALG_CRYPT, XFRMA_LTIME_VAL, XFRMA_SRCADDR, XFRMA_LASTUSED = 2, 9, 13, 28
ESP = 50
BATCH = 64  # messages in one send

# the parts of struct xfrm_usersa_info (linux/xfrm.h) that are used here
SELECTOR = struct.Struct("=16s16sHHHHHBBB3xiI")
ID = struct.Struct("=16s4sB3x")
LIFETIME = struct.Struct("=QQQQ")
TAIL = struct.Struct("=IIIIIHBBB7x")
INFO_SIZE = 224
CURRENT = SELECTOR.size + ID.size + 16 + 64  # offset of curlft


def attribute(kind, data):
    pad = -len(data) % 4
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(pad)


def attributes(data):
    """(kind, value) of each."""
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        yield kind, data[4:length]
        data = data[(length + 3) & ~3:]


def packed(address):
    return ipaddress.ip_address(address).packed.ljust(16, b"\0")


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Kernel:
    """A socket to XFRM that counts its requests."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.bind((0, 0))
        self.waiting = []

    def put(self, kind, payload, flags=0):
        self.waiting.append(struct.pack(
            "=IHHII", 16 + len(payload), kind, NLM_F_REQUEST | flags, 1, 0) + payload)
        if len(self.waiting) >= BATCH:
            self.flush()

    def flush(self):
        """Sends the waiting requests. The kernel answers errors at once."""
        if self.waiting:
            self.sock.send(b"".join(self.waiting))
            self.waiting = []
            self.answers()

    def answers(self):
        """Everything that waits, as (type, payload) pairs."""
        found = []
        while True:
            try:
                data = self.sock.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return found
            while data:
                length, kind = struct.unpack_from("=IH", data)
                payload = data[16:length]
                data = data[(length + 3) & ~3:]
                if kind == NLMSG_ERROR:
                    (error,) = struct.unpack_from("=i", payload)
                    if error:
                        sys.exit("XFRM: " + os.strerror(-error))
                found.append((kind, payload))

    def ask(self, kind, payload):
        self.flush()
        self.sock.send(struct.pack(
            "=IHHII", 16 + len(payload), kind, NLM_F_REQUEST, 1, 0) + payload)
        return self.answers()


def usersa_info(source, dest, spi):
    fam = family(dest)
    return (SELECTOR.pack(b"", b"", 0, 0, 0, 0, fam, 0, 0, 0, 0, 0)
            + ID.pack(packed(dest), struct.pack("!I", spi), ESP) + packed(source)
            + struct.pack("=QQQQQQQQ", *[0xffffffffffffffff] * 4, 0, 0, 0, 0)
            + bytes(LIFETIME.size) + TAIL.pack(0, 0, 0, 0, spi, fam, 0, 0, 0))


def usersa_id(dest, spi):
    return struct.pack("=16s4sHBx", packed(dest), struct.pack("!I", spi),
                       family(dest), ESP)


NULL_CIPHER = attribute(XFRMA_ALG_CRYPT, b"ecb(cipher_null)".ljust(64, b"\0")
                        + struct.pack("=I", 0))


def new(kernel, args, spi):
    kernel.put(XFRM_MSG_NEWSA, usersa_info(args.source, args.dest, spi) + NULL_CIPHER)


def delete(kernel, args, spi):
    kernel.put(XFRM_MSG_DELSA, usersa_id(args.dest, spi))


def add_command(kernel, args):
    for spi in range(args.first, args.first + args.count):
        new(kernel, args, spi)


def delete_command(kernel, args):
    for spi in range(args.first, args.first + args.count):
        delete(kernel, args, spi)


def churn_command(kernel, args):
    for spi in range(args.first, args.first + args.count):
        new(kernel, args, spi)
        delete(kernel, args, spi)


def larval_command(kernel, args):
    """The kernel sends no message for ALLOCSPI, but one for the deletion."""
    info = usersa_info(args.source, args.dest, 0)
    for spi in range(args.first, args.first + args.count):
        answer = kernel.ask(XFRM_MSG_ALLOCSPI, info + struct.pack("=II", spi, spi))
        if len(answer) != 1:
            sys.exit("ALLOCSPI was not answered")
    delete_command(kernel, args)


def move_command(kernel, args):
    ((_, answer),) = kernel.ask(XFRM_MSG_GETSA, usersa_id(args.dest, args.first))
    info = bytearray(answer[:INFO_SIZE])
    at = SELECTOR.size
    info[at:at + 16] = packed(args.to_dest)
    info[at + ID.size:at + ID.size + 16] = packed(args.to_source)
    struct.pack_into("=H", info, INFO_SIZE - 12, family(args.to_dest))
    rest = b"".join(attribute(kind, value)
                    for kind, value in attributes(answer[INFO_SIZE:])
                    if kind != XFRMA_LASTUSED)
    current = bytes(info[CURRENT:CURRENT + LIFETIME.size])
    delete(kernel, args, args.first)
    kernel.flush()
    time.sleep(args.gap)
    kernel.put(XFRM_MSG_NEWSA, bytes(info) + rest + attribute(XFRMA_LTIME_VAL, current))


def publish_command(kernel, args):
    """struct xfrm_aevent_id, then the lifetime: xfrm_new_ae() in the kernel."""
    now = int(time.time())
    born = now if args.add_time is None else args.add_time
    aevent = (usersa_id(args.dest, args.first) + packed(args.source)
              + struct.pack("=II", 0, args.first))
    current = LIFETIME.pack(args.bytes, args.packets, born, now)
    kernel.put(XFRM_MSG_NEWAE, aevent + attribute(XFRMA_LTIME_VAL, current),
               NLM_F_REPLACE | NLM_F_ACK)


COMMANDS = {"add": add_command, "delete": delete_command, "churn": churn_command,
            "larval": larval_command, "move": move_command,
            "publish": publish_command}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("first", type=lambda text: int(text, 0), help="SPI")
    parser.add_argument("count", type=int, nargs="?", default=1)
    parser.add_argument("--source", required=True)
    parser.add_argument("--dest", required=True)
    parser.add_argument("--to-source")
    parser.add_argument("--to-dest")
    parser.add_argument("--gap", type=float, default=0)
    parser.add_argument("--bytes", type=int, default=0)
    parser.add_argument("--packets", type=int, default=0)
    parser.add_argument("--add-time", type=int)
    args = parser.parse_args()
    kernel = Kernel()
    COMMANDS[args.command](kernel, args)
    kernel.flush()


if __name__ == "__main__":
    main()
