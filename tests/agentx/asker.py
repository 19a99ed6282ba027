# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends many requests without waiting for each answer, and compares every answer with the
model's. Shrinks the first request that is answered wrongly.
"""

import select
import socket
import time

from harness import DATA_AGE
from rfc3416 import Request, request_binds
from snmp import (
    GET, GETBULK, GETNEXT, NULL, SET, TYPE_NAMES, V1, BadAnswer, NoAnswer, decode_message,
    dotted, encode_message)

KINDS = {GET: "GET", GETNEXT: "GETNEXT", GETBULK: "GETBULK", SET: "SET"}
IN_FLIGHT = 8
PATIENCE = 20.0
AGE_SLACK_MS = 50  # rounding


class Ages:
    """What the age of the data may be: that of the first answer, and the time since."""

    def __init__(self, manager):
        self.asked = time.monotonic()
        self.first = manager.value(DATA_AGE)
        self.answered = time.monotonic()

    def permits(self, age, sent):
        least = sent - self.answered
        most = time.monotonic() - self.asked
        return (self.first + least * 1000 - AGE_SLACK_MS <= age <=
                self.first + most * 1000 + AGE_SLACK_MS)


class Asker:
    def __init__(self, port, model, ages):
        self.model, self.ages = model, ages
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.waiting = {}  # number: (request, when it was sent)

    def close(self):
        self.socket.close()

    def send(self, number, request):
        community = "write" if request.writes else "only"
        self.waiting[number] = request, time.monotonic()
        self.socket.send(encode_message(request.version, community, request.kind, number,
                                        request.second, request.third,
                                        request_binds(request)))

    def receive(self):
        """The next answer: its number, request, response, and what is wrong with it."""
        if not select.select([self.socket], [], [], PATIENCE)[0]:
            number, (request, _) = next(iter(self.waiting.items()))
            raise NoAnswer(f"to request {number}: {show(request)}")
        version, number, response = decode_message(self.socket.recv(65536))
        if number not in self.waiting:
            raise BadAnswer(f"an answer to request {number}, which nobody waits for")
        request, sent = self.waiting.pop(number)
        wrong = None if version == request.version else f"version {version}"
        return number, request, response, wrong or self.judge(request, response, sent)

    def judge(self, request, response, sent):
        """None, or what was expected."""
        expected = self.model.answer(request)
        if response == expected:
            return None
        if response[:2] == expected[:2] and len(response.varbinds) == len(expected.varbinds):
            for got, wanted in zip(response.varbinds, expected.varbinds):
                if got != wanted and not (
                        got.name == DATA_AGE and wanted.name == DATA_AGE and
                        got.type == wanted.type and self.ages.permits(got.value, sent)):
                    return expected
            return None
        return expected

    def ask_all(self, requests):
        """requests: pairs of a number and a request. Yields what receive() returns."""
        for number, request in requests:
            self.send(number, request)
            while len(self.waiting) >= IN_FLIGHT:
                yield self.receive()
        while self.waiting:
            yield self.receive()

    def ask(self, request):
        """What is expected of the answer, and the answer, if it is wrong; else None."""
        _, _, response, expected = next(self.ask_all([(2**31 - 1, request)]))
        return (expected, response) if expected else None

    def shrink(self, request):
        """The smallest request that is still answered wrongly."""
        smaller = True
        while smaller:
            smaller = next(filter(self.ask, shrunk(request)), None)
            request = smaller or request
        return request


def shrunk(request):
    names = request.names
    for at in range(len(names) if len(names) > 1 else 0):
        yield request._replace(names=names[:at] + names[at + 1:])
    for at, name in enumerate(names):
        if len(name) > 2:
            yield request._replace(names=names[:at] + (name[:-1],) + names[at + 1:])
    for field in "second", "third":
        value = getattr(request, field)
        for less in {0, value // 2, value - 1}:
            if 0 <= less < value:
                yield request._replace(**{field: less})
    if request.version != V1 and request.kind == GETBULK and request.third == 1:
        yield Request(request.version, False, GETNEXT, names, (NULL, None), 0, 0)


def show(request):
    numbers = f" {request.second} {request.third}" if request.kind == GETBULK else ""
    value = f" = {TYPE_NAMES[request.value[0]]} {request.value[1]!r}" \
        if request.kind == SET else ""
    return (f"SNMPv{'1' if request.version == V1 else '2c'} {KINDS[request.kind]}{numbers} of "
            + ", ".join(map(dotted, request.names)) + value)


def show_response(response):
    if isinstance(response, str):
        return response
    binds = "".join(f"\n    {dotted(bind.name)} = {TYPE_NAMES.get(bind.type, bind.type)} "
                    f"{bind.value!r}" for bind in response.varbinds)
    return f"error {response.error} of varbind {response.index}{binds}"
