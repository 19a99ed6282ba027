# SPDX-License-Identifier: GPL-2.0-or-later
"""AgentX PDUs (RFC 2741, section 6), in network byte order, as a master makes and reads
them.
"""

import socket
import struct

from snmp import (
    COUNTER32, COUNTER64, END_OF_MIB_VIEW, GAUGE32, INTEGER, NO_SUCH_INSTANCE, NO_SUCH_OBJECT,
    NULL, OBJECT_ID, OCTET_STRING, TIMETICKS, Varbind)

(OPEN, CLOSE, REGISTER, GET, GETNEXT, GETBULK, TESTSET, COMMITSET, UNDOSET, CLEANUPSET, NOTIFY,
 PING, ADD_AGENT_CAPS, RESPONSE) = 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 18
NETWORK_ORDER = 0x10
SESSION = 7


def pdu(kind, payload=b"", length=None, version=1, flags=NETWORK_ORDER, packet=1):
    """A header and its payload."""
    header = struct.pack(">BBBBIII", version, kind, flags, 0, SESSION, 0, packet)
    return header + struct.pack(">I", len(payload) if length is None else length) + payload


def read_pdu(client):
    """The type, number and payload of the next PDU. OSError at the end."""
    header = client.recv(20, socket.MSG_WAITALL)
    if len(header) < 20:
        raise ConnectionResetError
    order = ">" if header[2] & NETWORK_ORDER else "<"
    number, length = struct.unpack_from(order + "II", header, 12)
    return header[1], number, client.recv(length, socket.MSG_WAITALL) if length else b""


def answer(packet, error=0, index=0):
    """A Response without varbinds."""
    return pdu(RESPONSE, struct.pack(">IHH", 1000, error, index), packet=packet)


def oid(name, include=0):
    return struct.pack(f">BBBB{len(name)}I", len(name), 0, include, 0, *name)


def search_range(name, end=(), include=0):
    return oid(name, include) + oid(end)


def get(names, packet=1, kind=GET):
    return pdu(kind, b"".join(map(search_range, names)), packet=packet)


def integer_bind(name, value=1):
    return struct.pack(">HH", INTEGER, 0) + oid(name) + struct.pack(">i", value)


def take_oid(data):
    n, prefix = data[0], data[1]
    name = struct.unpack_from(f">{n}I", data, 4)
    return ((1, 3, 6, 1, prefix) if prefix else ()) + name, data[4 + 4 * n:]


def take_value(kind, data):
    if kind == OCTET_STRING:
        size = int.from_bytes(data[:4], "big")
        return data[4:4 + size], data[4 + (size + 3 & ~3):]
    if kind == OBJECT_ID:
        return take_oid(data)
    if kind in (NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW):
        return None, data
    size = {COUNTER64: 8, INTEGER: 4, COUNTER32: 4, GAUGE32: 4, TIMETICKS: 4}[kind]
    return int.from_bytes(data[:size], "big", signed=kind == INTEGER), data[size:]


def read_response(payload):
    """The error, the index and the varbinds of a Response."""
    _, error, index = struct.unpack_from(">IHH", payload)
    data, binds = payload[8:], []
    while data:
        kind = int.from_bytes(data[:2], "big")
        name, data = take_oid(data[4:])
        value, data = take_value(kind, data)
        binds.append(Varbind(name, kind, value))
    return error, index, binds
