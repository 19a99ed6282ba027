#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeps what the kernel says, as it says it, for the corpora of tests/fuzz.

    capture.py watch --dir DIR --file FILE
        every event of the daemon's groups, until FILE does not exist any more
    capture.py dump --dir DIR
        the SAs, policies, links and addresses, some routes, and xfrm_stat
    capture.py sysfs --dir DIR
        the iSCSI classes: each attribute, and each link, in a file of its own

DIR gets a file for each datagram. Its name begins with the time, so that the files are in
the order of what happened: TIME-event, TIME-sas, -policies, -links, -addresses, -routes,
-stat. They have the keys of the SAs, which are those of the lab.
"""
import argparse
import ipaddress
import os
import select
import socket
import struct
import sys
import time

from xfrm import NETLINK_XFRM, NLMSG_ERROR, NLM_F_REQUEST, attribute

NETLINK_ROUTE, SOL_NETLINK, ADD_MEMBERSHIP = 0, 270, 1
GROUPS = (2, 3, 5, 7)  # XFRMNLGRP_EXPIRE, _SA, _POLICY, _MIGRATE
NLM_F_DUMP, NLMSG_DONE = 0x300, 3
# what is dumped: protocol, request, and its header
DUMPS = {
    "sas": (NETLINK_XFRM, 18, b""),        # XFRM_MSG_GETSA
    "policies": (NETLINK_XFRM, 21, b""),   # XFRM_MSG_GETPOLICY
    "links": (NETLINK_ROUTE, 18, bytes(16)),     # RTM_GETLINK
    "addresses": (NETLINK_ROUTE, 22, bytes(8)),  # RTM_GETADDR
}
RTM_GETROUTE, RTA_DST = 26, 1
CLASSES = ("iscsi_host", "iscsi_session", "iscsi_connection", "iscsi_iface", "scsi_host")


def keep(directory, what, data):
    path = os.path.join(directory, f"{time.monotonic_ns():020}-{what}")
    with open(path + ".new", "wb") as out:
        out.write(data)
    os.rename(path + ".new", path)


def open_socket(protocol):
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    sock.bind((0, 0))
    return sock


def watch(args):
    sock = open_socket(NETLINK_XFRM)
    for group in GROUPS:
        sock.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
    while True:
        ready, _, _ = select.select([sock], [], [], 0.2)
        if ready:
            keep(args.dir, "event", sock.recv(65536))
        elif not os.path.exists(args.file):
            return


def request(sock, kind, flags, payload):
    sock.send(struct.pack("=IHHII", 16 + len(payload), kind, NLM_F_REQUEST | flags, 1, 0)
              + payload)


def is_last(data):
    """The datagram ends a dump, or is an error."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if kind in (NLMSG_DONE, NLMSG_ERROR):
            return True
        data = data[(length + 3) & ~3:]
    return False


def dump_one(directory, what):
    protocol, kind, payload = DUMPS[what]
    sock = open_socket(protocol)
    request(sock, kind, NLM_F_DUMP, payload)
    while True:
        data = sock.recv(65536)
        keep(directory, what, data)
        if is_last(data):
            return


def routes(directory):
    """To this host, to the other, to a group, and to nowhere."""
    for address in ("127.0.0.1", "10.0.0.1", "10.0.0.2", "224.0.0.1", "fd00::1",
                    "fd00::2", "203.0.113.1", "2001:db8::1"):
        dest = ipaddress.ip_address(address)
        family = socket.AF_INET6 if dest.version == 6 else socket.AF_INET
        sock = open_socket(NETLINK_ROUTE)
        request(sock, RTM_GETROUTE, 0,
                struct.pack("=BBBBBBBBI", family, dest.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
                + attribute(RTA_DST, dest.packed))
        keep(directory, "routes", sock.recv(65536))


def dump(args):
    for what in DUMPS:
        dump_one(args.dir, what)
    routes(args.dir)
    with open("/proc/net/xfrm_stat", "rb") as stat:
        keep(args.dir, "stat", stat.read())


def sysfs_entry(entry, to):
    os.makedirs(to, exist_ok=True)
    with open(os.path.join(to, "link"), "w", encoding="utf-8") as out:
        out.write(os.readlink(entry))
    for name in os.listdir(entry):
        path = os.path.join(entry, name)
        if not os.path.isfile(path) or not os.access(path, os.R_OK):
            continue
        try:
            with open(path, "rb") as attribute_file:
                value = attribute_file.read(4096)
        except OSError:
            continue  # as during a recovery: the daemon cannot read it either
        with open(os.path.join(to, name), "wb") as out:
            out.write(value)


def sysfs(args):
    for group in CLASSES:
        directory = os.path.join("/sys/class", group)
        for name in os.listdir(directory) if os.path.isdir(directory) else ():
            sysfs_entry(os.path.join(directory, name), os.path.join(args.dir, group, name))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("watch", "dump", "sysfs"))
    parser.add_argument("--dir", required=True)
    parser.add_argument("--file")
    args = parser.parse_args()
    os.makedirs(args.dir, exist_ok=True)
    {"watch": watch, "dump": dump, "sysfs": sysfs}[args.what](args)


if __name__ == "__main__":
    sys.exit(main())
