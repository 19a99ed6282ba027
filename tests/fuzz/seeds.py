#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes seeds for the fuzzers from what a kernel said, and from the examples.

    seeds.py OUT CAPTURED...    OUT/FUZZER/..., from each results folder of
                                "tests/lab/run --keep-log DIR capture": DIR/capture/captured

tests/fuzz/minimise --seeds OUT then takes those that cover something new.
"""
import hashlib
import re
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
# operations[] of fuzz_collector.c
EVENT, ANSWER, POLL, READ, TIME, CLEAR, _, _, STAT, DETACH, CONFIGURE, RESTART, ROUTES = range(13)
INFO = 16  # struct xfrm_usersa_info in a message: the selector, 56 bytes, then id and saddr
DUMPS = {"sas": 0, "policies": 1, "addresses": 2, "links": 3}
XFRMA_TMPL, NLMSG_DONE, NLMSG_ERROR = 5, 3, 2


def messages(data):
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if length < 16 or length > len(data):
            return
        if kind not in (NLMSG_DONE, NLMSG_ERROR):
            yield data[:length]
        data = data[(length + 3) & ~3:]


def block(data):
    return struct.pack("<H", len(data)) + data


class Seeds:
    def __init__(self, out):
        self.out = Path(out)

    def add(self, fuzzer, data):
        folder = self.out / fuzzer
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def add_messages(seeds, records):
    """Each message alone, and each datagram of a few kilobytes at most."""
    fuzzers = {"event": ("sa", "policy"), "sas": ("sa",), "policies": ("policy", "sa"),
               "links": ("rtnetlink",), "addresses": ("rtnetlink",),
               "routes": ("rtnetlink",)}
    for what, data in records:
        for fuzzer in fuzzers.get(what, ()):
            for message in messages(data):
                seeds.add(fuzzer, message)
            seeds.add(fuzzer, data[:4096])
        if what == "policies":
            for message in messages(data):
                add_templates(seeds, message)


def add_templates(seeds, message):
    """A policy with so many templates that some are too many: its first one, repeated."""
    start = 16 + 168  # behind struct xfrm_userpolicy_info
    at = start
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if kind == XFRMA_TMPL:
            template = message[at + 4:at + 68]
            for n in (6, 7):
                data = (message[4:start] + struct.pack("=HH", 4 + 64 * n, kind) +
                        template * n)
                seeds.add("policy", struct.pack("=I", 4 + len(data)) + data)
            return
        at += (length + 3) & ~3 or 4


def add_histories(seeds, records):
    """The stream of events, with the dumps and polls between them, in pieces."""
    known = {what: [] for what in DUMPS}
    piece = []

    def begin():
        return [b"\0"] + [bytes((ANSWER, DUMPS[what])) + block(message)
                          for what in ("addresses", "links", "policies")
                          for message in known[what][:6]] + [bytes((POLL,))]

    def end():
        for how in (0, 4, 0x12, 0x21, 0xf0):
            seeds.add("collector", bytes((how,)) + b"".join(piece[1:]) + bytes((POLL,)))
            seeds.add("collector", bytes((how,)) + b"".join(piece[1:]) +
                      bytes((RESTART, how, POLL, DETACH, 0, DETACH, 1, POLL)))

    for what, data in records:
        if not piece:
            piece = begin()
        if what == "stat":
            piece.append(bytes((STAT,)) + block(data))
        elif what == "event":
            for message in messages(data):
                piece.append(bytes((EVENT,)) + block(message))
        elif what in DUMPS:
            known[what] = list(messages(data))
            piece.append(bytes((CLEAR, DUMPS[what])))
            for message in known[what][:5]:
                piece.append(bytes((ANSWER, DUMPS[what])) + block(message))
            piece.append(bytes((POLL,)))
        if sum(map(len, piece)) > 5000:
            end()
            piece = []
    if piece:
        end()


def add_crowd(seeds, records):
    """Six peers that come at once, more than may be notified."""
    message = next((bytearray(m) for what, data in records if what == "sas"
                    for m in messages(data)
                    if m[INFO + 80:INFO + 84] == bytes((10, 0, 0, 1))), None)
    if not message:
        return
    crowd = b""
    for i in range(6):
        message[INFO + 56:INFO + 60] = bytes((192, 0, 2, 1 + i))
        crowd += bytes((ANSWER, DUMPS["sas"])) + block(bytes(message))
    later = bytes((TIME,)) + struct.pack("<H", 3000) + bytes((POLL,))
    seeds.add("collector", bytes((0, POLL)) + later + crowd + bytes((POLL,)) + later * 3 +
              bytes((CLEAR, DUMPS["sas"])) + later * 3)


def add_sysfs(seeds, folder):
    """Records of fuzz_sysfs.c, by its list of paths."""
    source = (HERE / "fuzz_sysfs.c").read_text(encoding="utf-8")
    paths = re.findall(r'^    "(class/[^"]*)",$', source, re.M)
    records = []
    for path in sorted(folder.glob("*/*/*")):
        group, entry, name = path.relative_to(folder).parts
        numbers = [int(n) for n in re.findall(r"\d+", entry.replace("ipv4", "").replace(
            "ipv6", ""))]
        pattern = re.sub(r"\d+", lambda _: "?", entry)
        for index, known in enumerate(paths):
            wanted = re.sub(r"\d+|[HSC](?=$|[/:>-])", "?",
                            known.replace("ipv4", "ipv?").replace("ipv6", "ipv?"))
            is_link = name == "link" and known.endswith(">")
            if wanted == f"class/{group}/{pattern}" + (">" if is_link else "/" + name):
                break
        else:
            continue
        host = numbers[0] if "host" in group or "iface" in group else 0
        session = numbers[0] if group in ("iscsi_session", "iscsi_connection") else 0
        contents = path.read_bytes()
        if is_link:
            contents = re.sub(rb"^(\.\./)*devices/", b"", contents)
        records.append((not is_link, bytes((index, host & 3 | (session & 3) << 2)) +
                        block(contents)))
    records = [data for _, data in sorted(records)]
    if records:
        seeds.add("sysfs", bytes((len(records),)) + b"".join(records))
        seeds.add("sysfs", bytes((len(records) // 2,)) + b"".join(records))
    for data in records:
        seeds.add("sysfs", b"\1" + data)


def add_state(seeds, file):
    data = file.read_bytes()
    (header_size,) = struct.unpack_from("=I", data, 12)
    for how in (0, 1, 2, 4, 8, 16):
        seeds.add("state", bytes((how,)) + data[header_size:])
    seeds.add("state", b"\x80" + data)


def add_texts(seeds):
    for path in sorted((TOP / "examples").glob("*.conf*")) + [TOP / "README.md"]:
        seeds.add("config", path.read_bytes())
    manual = (TOP / "man/qmipsecd.conf.5.in").read_text(encoding="utf-8")
    for words in re.findall(r"^\.B[RI]* (.*)$", manual, re.M):
        seeds.add("config", words.replace("\\-", "-").replace('"', "").encode() + b"\n")
    seeds.add("config", b"includeFile b\n\0instance a local 10.0.0.1\n")
    for name in (b"blue", b"*", b"tcp:default", b"a/b", b"..", b"caf\xc3\xa9", b"\xff",
                 b"192.0.2.1/24", b"2001:db8::/32", b"x" * 70, b"a~01234567", b"\\x41"):
        seeds.add("names", name + b"\0" + name[::-1] + b"\0blue")


def read(datagram=b"", what=0x80, sender=0x80, takes=0):
    """What a read of fuzz_netlink.c gets."""
    return bytes((what, sender, takes)) + block(datagram)


def answer(kind=16, data=b"", seq=1, flags=0, length=None):
    length = 16 + len(data) if length is None else length
    return struct.pack("=IHHII", length, kind, flags, seq, 7) + data + bytes(-len(data) % 4)


def add_answers(seeds):
    link, done = answer(data=b"abcdefgh"), answer(NLMSG_DONE, bytes(4))
    errors = [answer(NLMSG_ERROR, struct.pack("=i", number)) for number in (0, -2, 22)]
    odd = [answer(NLMSG_DONE), answer(NLMSG_ERROR), answer(NLMSG_DONE, b"\1\2"),
           answer(NLMSG_DONE, b"\xf4\xff\xff\xff"), answer(flags=0x10),
           answer(NLMSG_DONE, bytes(4), flags=0x10), link[:-3], link[:10], link + link[:7],
           link + b"\0", answer(length=0), answer(length=5), answer(length=0xfffffffd),
           answer(data=b"abc", length=19) + done, b""]
    scripts = [[read(link * 3), read(done)], [read(link + done + link)],
               [read(answer(seq=2) + answer(NLMSG_DONE, seq=2)), read(link + done)],
               [read(link, takes=200)] * 40, [read(link, takes=10)] * 30 + [read(done)],
               [read(link, sender=1, takes=200)] * 40, [read(bytes(200))], []]
    scripts += [[read(datagram)] for datagram in errors + odd]
    scripts += [[read(link, sender=sender), read(link + done)] for sender in (1, 4, 8, 0x18)]
    scripts += [[read(what=what), read(link + done)] for what in range(6)]
    for script in scripts:
        for how in 0, 1, 3, 9:
            for result, size in (0, 4000), (2, 4000), (0, 84):
                seeds.add("netlink", struct.pack("<BBHB", how, 1, size, result) + b"".join(script))
    seeds.add("netlink", struct.pack("<BBHB", 4, 1, 0, 0))


def add_steps(seeds):
    """Steps of fuzz_netns_watch.c, with readings (255) between."""
    for spelling in range(6):
        for steps in ([0, 1, 8, 9], [0, 1, 8, 24, 40, 10, 26, 11, 12, 13, 9], [1, 0, 1, 2, 3, 0, 1],
                      [0, 1, 4, 5, 8], [0, 6, 7, 1, 8], [0, 14, 9, 1, 14, 2, 14], [0, 1, 15, 31, 2],
                      [0, 1, 4, 1, 8, 2], [0, 6, 0, 1, 8, 9]):
            seeds.add("netns_watch", bytes([spelling, *steps]))
            seeds.add("netns_watch", bytes([spelling, *(b for step in steps for b in (step, 255))]))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    seeds = Seeds(sys.argv[1])
    add_texts(seeds)
    add_answers(seeds)
    add_steps(seeds)
    for folder in map(Path, sys.argv[2:]):
        records = [(path.name.split("-", 1)[1], path.read_bytes())
                   for path in sorted(folder.iterdir()) if re.match(r"\d{20}-", path.name)]
        if not records:
            sys.exit(f"{folder}: nothing was captured there")
        add_messages(seeds, records)
        add_histories(seeds, records)
        add_crowd(seeds, records)
        stats = [data for what, data in records if what == "stat"]
        for data in stats:
            seeds.add("xfrm_stat", data)
        seeds.add("xfrm_stat", b"\0".join(stats[:3]))
        add_sysfs(seeds, folder / "sysfs")
        for file in folder.glob("*.state"):
            add_state(seeds, file)


if __name__ == "__main__":
    main()
