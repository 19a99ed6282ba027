# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripted AgentX masters (RFC 2741), for what a real snmpd does not do on demand."""

import contextlib
import os
import socket
import struct
import threading
from collections import Counter


class FakeMaster(threading.Thread):
    """A listener on the AgentX socket, which passes each client to answer(client)."""

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
            client.sendall(pdu(18, struct.pack(
                ">IHH", 0, self.error(kind, self.counts[kind]), 0), packet=number))


def pdu(kind, payload=b"", length=None, version=1, flags=0x10, packet=1):
    """An AgentX header (RFC 2741, section 6.1) and its payload."""
    header = struct.pack(">BBBBIII", version, kind, flags, 0, 7, 0, packet)
    return header + struct.pack(">I", len(payload) if length is None else length) + payload


def read_pdu(client):
    """The type, number and payload of the next PDU. OSError at the end."""
    header = client.recv(20, socket.MSG_WAITALL)
    if len(header) < 20:
        raise ConnectionResetError
    order = ">" if header[2] & 0x10 else "<"
    number, length = struct.unpack_from(order + "II", header, 12)
    return header[1], number, client.recv(length, socket.MSG_WAITALL) if length else b""


def response(client, error):
    """Answers the next request."""
    kind, number, _ = read_pdu(client)
    client.sendall(pdu(18, struct.pack(">IHH", 0, error, 0), packet=number))
    return kind
