# SPDX-License-Identifier: GPL-2.0-or-later
"""A state file with chosen names, texts and counters, made from one that the daemon has
saved: what no SA can make on a kernel without ESP.

The layout is that of src/collector/state.c and state_body.c. If the sizes in the file are
others, this stops.
"""

import ipaddress
import socket
import struct

HEADER = "=8sII5I4x40sQQQQ"  # magic, version, size, sizes, boot, netns, last, body, sum
HEADER_SIZE = struct.calcsize(HEADER)
HEAD = "=QQQ5Q"              # rows, peers, SAs, errors
TEXTS = (65, 65, 256, 33, 224)  # name, found, found_descr, transport, initiator_name
ACCOUNT = "=16sHBBIQQQQ22Q"
ROW = "=4Q"  # bad SPIs, not decrypted, losses, discontinuity
SAVED_ROW = 920
VERSION = 9


def checksum(*parts):
    total = 0xcbf29ce484222325
    for part in parts:
        for byte in part:
            total = (total ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return total


def account(row, peer, totals, changed, discontinuity):
    """peer: a prefix as text, None for the row's `other`. totals: the 18 statistics,
    then replay failures, packets sent and received, losses."""
    address, family, length = bytes(16), 0, 0
    if peer:
        network = ipaddress.ip_network(peer)
        address = network.network_address.packed.ljust(16, b"\0")
        family = socket.AF_INET if network.version == 4 else socket.AF_INET6
        length = network.prefixlen
    return struct.pack(ACCOUNT, address, family, length, 0, row, changed, changed,
                       discontinuity, 0, *totals)


def saved_row(number, row):
    """row: has texts, gone_at, totals (of `other`), errors and discontinuity."""
    texts = b"".join(text.encode().ljust(size, b"\0")
                     for text, size in zip(row.texts, TEXTS, strict=True))
    texts = texts.ljust(-(-len(texts) // 8) * 8, b"\0")
    return (texts + struct.pack("=Q", row.gone_at) +
            account(number, None, row.totals, 0, row.discontinuity) +
            struct.pack(ROW, *row.errors, 0, row.discontinuity))


def rewrite(path, rows):
    """Replaces the rows of the file. The first must be the row `unattributed`. Each has
    peers: (prefix, totals, changed, discontinuity)."""
    data = path.read_bytes()
    fields = list(struct.unpack_from(HEADER, data))
    sizes = (struct.calcsize(HEAD), SAVED_ROW, struct.calcsize(ACCOUNT))
    if fields[1] != VERSION or fields[2] != HEADER_SIZE or tuple(fields[3:6]) != sizes:
        raise AssertionError(f"the state file has another layout: {fields[1:8]}")
    head = list(struct.unpack_from(HEAD, data, HEADER_SIZE))
    if head[1] or head[2]:
        raise AssertionError("the state file has peers or SAs")
    counters = data[HEADER_SIZE + sizes[0] + head[0] * sizes[1]:]
    peers = [account(number, *peer) for number, row in enumerate(rows) for peer in row.peers]
    head[:2] = len(rows), len(peers)
    body = (struct.pack(HEAD, *head) +
            b"".join(saved_row(number, row) for number, row in enumerate(rows)) +
            b"".join(peers) + counters)
    fields[-2:] = len(body), 0
    fields[-1] = checksum(struct.pack(HEADER, *fields), body)
    path.write_bytes(struct.pack(HEADER, *fields) + body)
