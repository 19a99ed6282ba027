# SPDX-License-Identifier: GPL-2.0-or-later
"""Netlink messages that a process forges.

    forge.py flood GROUP...    multicasts to these XFRM groups until it is killed

It needs CAP_NET_ADMIN in its network namespace.
"""

import errno
import os
import re
import socket
import struct
import sys
from pathlib import Path

NETLINK_ROUTE, NETLINK_XFRM = 0, 6
NLMSG_ERROR, NLMSG_DONE, RTM_NEWADDR = 2, 3, 20
(NEWSA, DELSA, NEWPOLICY, EXPIRE, UPDSA, FLUSHSA, FLUSHPOLICY, MIGRATE) = (
    16, 17, 19, 24, 26, 28, 29, 33)
XFRMA_ALG_CRYPT, XFRMA_SA = 2, 20
INFO_SIZE, CURRENT_AT, FAMILY_AT = 224, 160, 212  # struct xfrm_usersa_info
ESP = 50


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind, payload=b"", length=None, seq=0):
    """length: the length in the header, if not the true one."""
    return struct.pack("=IHHII", 16 + len(payload) if length is None else length, kind, 0,
                       seq, 0) + payload


def usersa_info(spi, source, dest, count):
    """An IPv4 SA with so many bytes."""
    source, dest = socket.inet_aton(source), socket.inet_aton(dest)
    info = bytearray(INFO_SIZE)
    info[56:56 + 4] = dest  # id.daddr, after the selector
    struct.pack_into("!IB", info, 72, spi, ESP)
    info[80:80 + 4] = source
    struct.pack_into("=QQQQ", info, CURRENT_AT, count, 1, 1, 0)
    struct.pack_into("=H", info, FAMILY_AT, socket.AF_INET)
    info[FAMILY_AT + 2] = 1  # tunnel mode
    return bytes(info)


NULL_CIPHER = attribute(XFRMA_ALG_CRYPT, b"ecb(cipher_null)".ljust(64, b"\0") + bytes(4))


def hostile_lengths():
    """Only headers, with impossible lengths."""
    return [message(NEWSA, length=length)
            for length in (0xfffffffd, 0xffffffff, 0xfffffff0, 0x80000000, 0x7fffffff, 0,
                           15, 17)]


def events(spi, source, dest):
    """Valid messages that would change numbers, about this SA and an unknown one."""
    there = usersa_info(spi, source, dest, 1 << 60)
    other = usersa_info(spi + 1, source, dest, 1 << 60)
    ident = there[56:80][:20] + struct.pack("=HBx", socket.AF_INET, ESP)
    return [message(NEWSA, other + NULL_CIPHER), message(UPDSA, there + NULL_CIPHER),
            message(DELSA, ident + attribute(XFRMA_SA, there) + NULL_CIPHER),
            message(EXPIRE, there + b"\1" + bytes(7)), message(FLUSHSA, b"\xff"),
            message(NEWPOLICY, bytes(168)), message(FLUSHPOLICY), message(MIGRATE),
            message(NEWSA, other + NULL_CIPHER) * 20,
            message(NEWSA, other + bytes(60000))]


def address(local):
    """RTM_NEWADDR."""
    return message(RTM_NEWADDR, struct.pack("=BBBBI", socket.AF_INET, 32, 0, 0, 1)
                   + attribute(2, socket.inet_aton(local)))


def answers(info):
    """Messages that would end a dump, or add to it, with the right sequence number."""
    for seq in range(1, 100):
        yield message(NEWSA, info + NULL_CIPHER, seq=seq)
        yield message(NLMSG_DONE, bytes(4), seq=seq)
        yield message(NLMSG_ERROR, struct.pack("=i", -errno.EPERM) + bytes(16), seq=seq)


def ports(pid):
    """The netlink sockets of a process in this namespace, as (protocol, port) pairs."""
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    inodes = {int(match[1]) for match in map(re.compile(r"socket:\[(\d+)\]").match, links)
              if match}
    found = []
    for line in Path("/proc/thread-self/net/netlink").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[-1]) in inodes:
            found.append((int(fields[1]), int(fields[2])))
    return found


def open_socket(protocol):
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
    sock.bind((0, 0))
    return sock


def main():
    if len(sys.argv) < 3 or sys.argv[1] != "flood":
        sys.exit(__doc__)
    masks = [1 << int(group) - 1 for group in sys.argv[2:]]
    forged = message(NEWSA, usersa_info(1, "192.0.2.99", "192.0.2.9", 1 << 60))
    with open_socket(NETLINK_XFRM) as sock:
        while True:
            for mask in masks:
                sock.sendto(forged, (0, mask))


if __name__ == "__main__":
    main()
