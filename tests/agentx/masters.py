# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripted AgentX masters (RFC 2741), for what a real snmpd does not do on demand."""

import contextlib
import os
import socket
import threading
from collections import Counter

from agentx import answer, read_pdu


class FakeMaster(threading.Thread):
    """A listener on the AgentX socket, which passes each client to answer(client), one
    after the other."""

    def __init__(self, path, answer):
        super().__init__(daemon=True)
        self.path, self.answer = str(path), answer
        self.visits = 0
        self.clients = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.clients.append(client)
                self.visits += 1
                with contextlib.suppress(OSError):
                    self.take(client)

    def take(self, client):
        self.answer(client)

    def stop(self):
        for sock in (self.listener, *self.clients):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self.join()
        for sock in (self.listener, *self.clients):
            sock.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


class Script:
    """A master that answers each request with the error that error(type, n-th of its
    type) returns, and closes a connection when its peer does."""

    def __init__(self, error):
        self.error = error
        self.counts = Counter()
        self.timeouts = []  # of the sessions, from their payloads
        self.roots = []  # of the registrations, from their payloads

    def __call__(self, client):
        while True:
            kind, number, payload = read_pdu(client)
            self.counts[kind] += 1
            if kind == 1:
                self.timeouts.append(payload[0])
            if kind == 3:
                self.roots.append(payload)
            client.sendall(answer(number, self.error(kind, self.counts[kind])))


def response(client, error):
    """Answers the next request."""
    kind, number, _ = read_pdu(client)
    client.sendall(answer(number, error))
    return kind
