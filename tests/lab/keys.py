#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Searches for keys where they must not be.

    keys.py make COUNT           as many random keys of 32 bytes, in hex
    keys.py count SOCKET FILE    counts the polls that a daemon reports to systemd
                                 (NOTIFY_SOCKET=SOCKET) in FILE, until killed
    keys.py search KEY... -- PLACE...
        a PLACE is a file, or pid:N, all that process N has mapped

It finds parts of a key of 11 bytes or more, as bytes or as hexadecimal digits with any
separators. Exit status 0: nothing found, 1: found, 2: error.
"""

import os
import secrets
import socket
import sys
from pathlib import Path

PIECE, STEP = 8, 4  # any 11 bytes in a row contain a whole piece
CHUNK, OVERLAP = 1 << 20, 256


def pieces(keys):
    for key in keys:
        data = bytes.fromhex(key.removeprefix("0x"))
        for start in range(0, len(data) - PIECE + 1, STEP):
            yield data[start:start + PIECE]


def chunks(stream, size):
    """The blocks of a file or a mapping, each with the end of the previous one."""
    tail = b""
    while size is None or size > 0:
        data = stream.read(CHUNK if size is None else min(CHUNK, size))
        if not data:
            break
        yield tail + data
        tail = data[-OVERLAP:]
        if size is not None:
            size -= len(data)
    if size:
        sys.exit(f"{size} bytes cannot be read")


def parts_of_process(pid):
    """The name and a part of each mapping."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, mode, _, _, _, *name = line.split(maxsplit=5)
            if mode[0] != "r" or name and name[0] in ("[vvar]", "[vsyscall]"):
                continue
            start, end = (int(text, 16) for text in span.split("-"))
            memory.seek(start)
            for data in chunks(memory, end - start):
                yield f"pid {pid}, {line}", data


def parts(place):
    if place.startswith("pid:"):
        yield from parts_of_process(place[4:])
        return
    with open(place, "rb") as stream:
        for data in chunks(stream, None):
            yield place, data


def search(keys, places):
    needles = list(pieces(keys))
    found = size = 0
    for place in places:
        for name, data in parts(place):
            size += len(data)
            hits = sum(piece in data for piece in needles)
            # Dumps in logs: digits, with spaces or colons between them.
            digits = data.replace(b"0x", b"").translate(None, b" \t\n\r:,").lower()
            hits += sum(piece.hex().encode() in digits for piece in needles)
            if hits:
                found += hits
                print(f"{hits} pieces of keys in {name}")
    print(f"{size} bytes searched for {len(needles)} pieces")
    if not size or not needles:
        sys.exit(2)
    return 1 if found else 0


def count(path, out):
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(path)
    os.chmod(path, 0o666)
    polls = 0
    while True:
        polls += receiver.recv(4096).count(b"WATCHDOG=1")
        if polls % 20 == 0:
            Path(out).write_text(f"{polls}\n")


def main(arguments):
    if arguments[:1] == ["make"]:
        for _ in range(int(arguments[1])):
            print("0x" + secrets.token_hex(32))
    elif arguments[:1] == ["count"]:
        count(*arguments[1:])
    elif arguments[:1] == ["search"]:
        split = arguments.index("--")
        return search(arguments[1:split], arguments[split + 1:])
    else:
        sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except OSError as err:
        print(err, file=sys.stderr)
        sys.exit(2)
