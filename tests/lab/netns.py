#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces that appear and disappear, without a fork for each.

    netns.py cycle FIRST COUNT --name NAME --packets N --errors N --size S
        COUNT times: a namespace NAME with two keyed SAs, a policy and one end of a veth
        pair is made; once qmipsecd watches it, N datagrams of S bytes go out through
        ESP and N ESP packets of no SA come in; then it is deleted. Each must disappear
        at once, and qmipsecd must keep nothing of it open.
    netns.py series FIRST COUNT --name NAME [--sas N]
        NAMEnnn of these numbers, one after the other, with N keyed SAs in each

--pid and --log are those of qmipsecd. Prints times and memory as KEY=VALUE lines, and ends
with an error if a namespace still exists.
"""
import argparse
import ctypes
import os
import socket
import struct
import subprocess
import sys
import time

import xfrm

DIR = "/run/netns"
CLONE_NEWNET = 0x40000000
MS_BIND = 4096
MNT_DETACH = 2
PATIENCE = 60  # seconds
SOURCE, DEST = "10.9.0.1", "10.9.0.2"
KEY = "0x00112233445566778899aabbccddeeff01020304"
libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def wait_for(condition, what):
    """Returns how long it took."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > PATIENCE:
            sys.exit("not within %d s: %s" % (PATIENCE, what))
        time.sleep(0.002)
    return time.monotonic() - start


class Inside:
    """Enters a new namespace, and returns."""

    def __enter__(self):
        self.here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        check(libc.unshare(CLONE_NEWNET))

    def __exit__(self, *_):
        check(libc.setns(self.here, CLONE_NEWNET))
        os.close(self.here)


def make_name(name):
    """Like "ip netns add": makes a file, and mounts the namespace on it."""
    path = os.path.join(DIR, name)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    check(libc.mount(b"/proc/thread-self/ns/net", path.encode(), b"none", MS_BIND, None))


def remove_name(name):
    path = os.path.join(DIR, name)
    check(libc.umount2(path.encode(), MNT_DETACH))
    os.unlink(path)


class Daemon:
    def __init__(self, args):
        self.pid, self.log = args.pid, args.log
        self.base = min(self.later_fds() for _ in range(5))
        self.seen = self.watched()

    def fds(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def later_fds(self):
        """A poll and a save have more for a moment."""
        time.sleep(0.05)
        return self.fds()

    def watched(self):
        with open(self.log, encoding="utf-8") as log:
            return sum(line.endswith(": watched\n") for line in log)

    def memory(self):
        with open("/proc/%d/status" % self.pid, encoding="utf-8") as status:
            return next(int(line.split()[1]) for line in status
                        if line.startswith("VmRSS:"))

    def wait_watched(self, name):
        wait_for(lambda: self.watched() > self.seen, name + " is watched")
        self.seen += 1

    def wait_let_go(self):
        return wait_for(lambda: self.fds() == self.base, "nothing is held")


def set_up():
    ends = "src %s dst %s" % (SOURCE, DEST)
    back = "src %s dst %s" % (DEST, SOURCE)
    algorithm = "aead rfc4106(gcm(aes)) %s 128" % KEY
    subprocess.run(["ip", "-batch", "-"], check=True, text=True, input="""\
link set lo up
link add lab type dummy
address add %s/24 dev lab
link set lab up
link add inside type veth peer name outside netns 1
xfrm state add %s proto esp spi 0x101 mode transport %s
xfrm state add %s proto esp spi 0x102 mode transport %s
xfrm policy add %s proto udp dir out tmpl %s proto esp mode transport
""" % (SOURCE, ends, algorithm, back, algorithm, ends, ends))


def carry(args):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(args.packets):
            udp.sendto(bytes(args.size), (DEST, 9))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ESP) as raw:
        for number in range(args.errors):
            raw.sendto(struct.pack("!II", 0xdead, number) + bytes(64), ("127.0.0.1", 0))
    wait_for(lambda: no_states() == args.errors, "the kernel has counted")


def no_states():
    with open("/proc/thread-self/net/xfrm_stat", encoding="ascii") as stat:
        return next(int(line.split()[1]) for line in stat
                    if line.startswith("XfrmInNoStates"))


def veth_is_gone():
    try:
        socket.if_nametoindex("outside")
    except OSError:
        return True
    return False


def cycle(daemon, args):
    delays, memory = [], []
    for _ in range(args.count):
        with Inside():
            set_up()
            make_name(args.name)
            daemon.wait_watched(args.name)
            carry(args)
        if veth_is_gone():
            sys.exit("there is no veth pair to see it by")
        remove_name(args.name)
        delays.append(daemon.wait_let_go())
        wait_for(veth_is_gone, "the namespace itself is gone")
        memory.append(daemon.memory())
    # A busy machine delays a few; a daemon without a proper event delays nearly all.
    print("nine_tenths_ms=%d" % (sorted(delays)[len(delays) * 9 // 10] * 1000))
    print("slowest_ms=%d" % (max(delays) * 1000))
    # Of the second half: what is needed only once is allocated by then.
    half = memory[len(memory) // 2]
    print("memory_kib=%d" % half)
    print("memory_growth_kib=%d" % (memory[-1] - half))


def series(daemon, args):
    own = argparse.Namespace(source=SOURCE, dest=DEST)
    for number in range(args.first, args.first + args.count):
        name = "%s%03d" % (args.name, number)
        with Inside():
            kernel = xfrm.Kernel()
            for spi in range(1, args.sas + 1):
                xfrm.new(kernel, own, spi)
            kernel.flush()
            kernel.sock.close()
            make_name(name)
        daemon.wait_watched(name)
        remove_name(name)
        daemon.wait_let_go()
    print("memory_kib=%d" % daemon.memory())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["cycle", "series"])
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--name", required=True)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--packets", type=int, default=0)
    parser.add_argument("--errors", type=int, default=0)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--sas", type=int, default=1)
    args = parser.parse_args()
    {"cycle": cycle, "series": series}[args.command](Daemon(args), args)


if __name__ == "__main__":
    main()
