# SPDX-License-Identifier: GPL-2.0-or-later
"""What a broken AgentX master does, and when.

A step is the message of the master that goes wrong: its answer to a request of the daemon,
or a request of its own to an attached daemon. A behaviour is what it sends in its place.
"""

import os
import random
import struct
import time

from agentx import (
    ADD_AGENT_CAPS, CLEANUPSET, CLOSE, COMMITSET, GET, GETBULK, GETNEXT, NETWORK_ORDER, OPEN,
    PING, REGISTER, RESPONSE, TESTSET, UNDOSET, answer, get, integer_bind, oid, pdu, read_pdu,
    search_range)
from harness import INSTANCE, STATS, index_of

TABLES = 5
CELL = STATS + (3,) + index_of("z")


class Hold(Exception):
    """Send nothing more, but keep the connection open."""


class Step:
    """kind, nth: the request of the daemon that is answered wrongly; or make(): a request
    of the master, when the daemon is attached."""

    def __init__(self, kind=None, nth=1, make=None):
        self.kind, self.nth, self.make = kind, nth, make


STEPS = {
    "Open": Step(OPEN),
    "first Register": Step(REGISTER),
    "last Register": Step(REGISTER, TABLES),
    "AddAgentCaps": Step(ADD_AGENT_CAPS),
    "Ping": Step(PING),
    "Get": Step(make=lambda: get([CELL], packet=99)),
    "GetNext": Step(make=lambda: get([CELL, INSTANCE], packet=99, kind=GETNEXT)),
    "GetBulk": Step(make=lambda: pdu(GETBULK, struct.pack(">HH", 0, 3) + search_range(CELL),
                                     packet=99)),
    "TestSet": Step(make=lambda: pdu(TESTSET, integer_bind(CELL), packet=99)),
    "CommitSet": Step(make=lambda: pdu(COMMITSET, packet=99)),
    "UndoSet": Step(make=lambda: pdu(UNDOSET, packet=99)),
    "CleanupSet": Step(make=lambda: pdu(CLEANUPSET, packet=99)),
    "Close": Step(make=lambda: pdu(CLOSE, bytes((1, 0, 0, 0)), packet=99)),
}


def with_length(good, length):
    return good[:16] + struct.pack(">I", length & 0xffffffff)[:4] + good[20:]


def length_of(good):
    return len(good) - 20


def replaced(at, byte):
    return lambda good: good[:at] + bytes((byte,)) + good[at + 1:]


# What is sent in place of the message, once, before silence.
ODD = {
    "half of it": lambda good: good[:len(good) // 2],
    "length 4 less": lambda good: with_length(good, max(length_of(good) - 4, 0)) + b"\xff" * 20,
    "length 4 more": lambda good: with_length(good, length_of(good) + 4),
    "length 4 more, and filled": lambda good: with_length(good, length_of(good) + 4) + b"\x09" * 4,
    "length 1 more": lambda good: with_length(good, length_of(good) + 1),
    "length 2^32 - 1": lambda good: with_length(good, 2**32 - 1),
    "length 2^32 - 4": lambda good: with_length(good, 2**32 - 4),
    "length 2^31 - 16": lambda good: with_length(good, 2**31 - 16),
    "length above Net-SNMP's limit": lambda good: with_length(good, 65536 - 16),
    "length of a MiB": lambda good: with_length(good, 2**20 - 20),
    "length of 2 GiB": lambda good: with_length(good, 2**31 - 24),
    "type 0": replaced(1, 0),
    "type 1": replaced(1, OPEN),
    "type 3": replaced(1, REGISTER),
    "type 12": replaced(1, 12),
    "type 19": replaced(1, 19),
    "type 255": replaced(1, 255),
    "version 0": replaced(0, 0),
    "version 2": replaced(0, 2),
    "the other byte order": replaced(2, 0),
    "unknown flags": replaced(2, 0xf0),
    "a context that is not there": replaced(2, 0x18),
    "an OID of 255 subidentifiers": lambda good: good[:20] + b"\xff\x04\x00\x00" + good[24:],
    "zeros": lambda good: bytes(4096),
    "garbage": lambda good: random.Random(len(good)).randbytes(4096),
    "ones": lambda good: b"\xff" * 4096,
}


def odd(make):
    def behave(peer, good):
        peer.send(make(good))
        raise Hold
    return behave


def half_and_close(peer, good):
    peer.send(good[:len(good) // 2])
    raise ConnectionResetError


def bytewise(peer, good):
    for byte in good:
        peer.send(bytes((byte,)))
        time.sleep(0.002)


def late(peer, good):
    time.sleep(1.5)
    peer.send(good)


def never(peer, good):
    raise Hold


def close(peer, good):
    raise ConnectionResetError


def twice(peer, good):
    peer.send(good * 2)


def error(number):
    def behave(peer, good):
        peer.send(answer(peer.number, number))
    return behave


def of_nobody(peer, good):
    peer.send(answer(peer.number + 1000))
    raise Hold


def endless(make):
    """Without reading anything."""
    def behave(peer, good):
        data = make(good)
        while True:
            peer.send(data)
    return behave


def endless_bytes(peer, good):
    """A long message in single bytes, again and again."""
    message = get([CELL] * 800)
    while True:
        for byte in message:
            peer.send(bytes((byte,)))


WAYS = {
    **{what: odd(make) for what, make in ODD.items()},
    "half of it, and close": half_and_close, "one byte at a time": bytewise,
    "1.5 s late": late, "never": never, "close": close, "twice": twice,
    "an endless stream of it": endless(lambda good: good * 100),
    "endless answers": endless(lambda good: answer(12345) * 100),
    "endless pings": endless(lambda good: pdu(PING) * 100),
    "endless garbage": endless(lambda good: os.urandom(65536)),
    "endless requests": endless(lambda good: get([CELL] * 50) * 10),
    "endless half messages": endless(lambda good: good[:-1] if len(good) % 2 else good[:-3]),
}
ANSWERED = {f"error {number}": error(number) for number in (5, 256, 257, 262, 263, 266, 268, 999)}
ANSWERED["an answer to nobody"] = of_nobody

SUBIDS_128 = tuple(range(1, 129))
# Requests to an attached daemon; each is complete, and some are absurd.
REQUESTS = {
    "Get of nothing": get([]),
    "Get of the null OID": pdu(GET, oid(()) + oid(())),
    "Get of 128 subidentifiers": get([SUBIDS_128]),
    "Get of 129 subidentifiers": pdu(GET, b"\x81\0\0\0" + bytes(4 * 129) + oid(())),
    "Get of 123 and a prefix": pdu(GET, b"\x7b\x04\0\0" + bytes(4 * 123) + oid(())),
    "Get of 124 and a prefix": pdu(GET, b"\x7c\x04\0\0" + bytes(4 * 124) + oid(())),
    "Get with an include of 2": pdu(GET, search_range(CELL, include=2)),
    "Get with half an OID": pdu(GET, search_range(CELL) + oid(CELL)[:-4]),
    "Get with one OID too many": pdu(GET, search_range(CELL) + oid(CELL)),
    "Get in a context": pdu(GET, struct.pack(">I4s", 4, b"blue") + search_range(CELL),
                            flags=NETWORK_ORDER | 8),
    "Get in a context with a zero": pdu(
        GET, struct.pack(">I80s", 80, b"b") + search_range(CELL), flags=NETWORK_ORDER | 8),
    "Get in a context of 2^32 - 1 bytes": pdu(
        GET, struct.pack(">I4s", 2**32 - 1, b"blue"), flags=NETWORK_ORDER | 8),
    "GetNext of a range that ends before it begins": pdu(
        GETNEXT, search_range(CELL, STATS + (1,))),
    "GetNext of everything": pdu(GETNEXT, search_range((0, 0), include=1) * 50),
    "GetBulk of 65535 times 65535": pdu(
        GETBULK, struct.pack(">HH", 65535, 65535) + search_range(CELL) * 20),
    "GetBulk without repeaters": pdu(GETBULK, struct.pack(">HH", 5, 65535)),
    "GetBulk of 65535": pdu(GETBULK, struct.pack(">HH", 0, 65535) + search_range(STATS) * 20),
    "GetBulk of half a head": pdu(GETBULK, b"\0\0"),
    "TestSet of nothing": pdu(TESTSET),
    "TestSet of type 3": pdu(TESTSET, struct.pack(">HH", 3, 0) + oid(CELL)),
    "TestSet of half a string": pdu(TESTSET, struct.pack(">HH", 4, 0) + oid(CELL) +
                                    struct.pack(">I4s", 5, b"four")),
    "TestSet of an endless string": pdu(TESTSET, struct.pack(">HH", 4, 0) + oid(CELL) +
                                        struct.pack(">I4s", 2**32 - 3, b"four")),
    "a thousand TestSets": pdu(TESTSET, integer_bind(CELL)) * 1000,
    "a thousand CleanupSets": pdu(CLEANUPSET) * 1000,
    "Response of half a head": pdu(RESPONSE, bytes(4)),
    "Response with a varbind": pdu(RESPONSE, bytes(8) + integer_bind(CELL)),
    "Get longer than Net-SNMP reads": get([CELL] * 2000),
    "Get that is answered longer": get([INSTANCE + (3,) + index_of("x" * 64)] * 200),
    "two requests and a half": get([CELL]) * 2 + get([CELL])[:30],
}


class Peer:
    """A connection of the broken master."""

    def __init__(self, client):
        self.client, self.number, self.seen = client, 0, {}

    def send(self, data):
        self.client.sendall(data)

    def serve(self, step, behave):
        """Answers well until the step. Raises OSError or Hold at the end."""
        attached = 0
        while True:
            kind, self.number, payload = read_pdu(self.client)
            self.seen[kind] = self.seen.get(kind, 0) + 1
            if kind == RESPONSE:
                continue
            good = answer(self.number)
            if step.kind == kind and self.seen[kind] == step.nth:
                behave(self, good)
            else:
                self.send(good)
            attached += kind in (REGISTER, ADD_AGENT_CAPS)
            if attached == TABLES + 1 and step.make and kind != PING:
                behave(self, step.make())


def cases(everything):
    """(name, step, behaviour). Without everything: every step and every behaviour, but only
    a third of their combinations."""
    for at, (step_name, step) in enumerate(STEPS.items()):
        ways = WAYS if step.make else {**WAYS, **ANSWERED}
        for number, (what, behave) in enumerate(ways.items()):
            if everything or (number + at) % 3 == 0:
                yield f"{step_name}: {what}", step, behave
    for what, message in REQUESTS.items():
        yield what, Step(make=lambda: b""), odd(lambda _, message=message: message)
