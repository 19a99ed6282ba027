# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the rows of qmipsecd's tables over SNMP, and adds up the peers of a row."""
import manager
from states import Mismatch

# By column number, from 1.
COLUMNS = """
ActiveSA PendingKeyOperations KeyAdditions KeyDeletions ReKeys ActiveTunnels
BadSPIPackets PacketsNotDecrypted PacketsNotAuthenticated
PacketsWithReplayDetection ConfidentialBytesSent ConfidentialBytesReceived
AuthenticatedBytesSent AuthenticatedBytesReceived TransportBytesSent
TransportBytesReceived TunnelBytesSent TunnelBytesReceived
""".split()

ROOT = "1.3.6.1.4.1.8072.9999.9999.18"
INSTANCE_TABLE = ROOT + ".1.1.1"
STATS_TABLE = ROOT + ".1.2.1"
PEER_TABLE = ROOT + ".1.5.1"

# Counters of the instance table, by column number.
INSTANCE_COUNTERS = {"ReplayFailures": 13, "PacketsSent": 16, "PacketsReceived": 17}

# The peer table, by column number, from 2.
PEER_COLUMNS = dict(
    Label="OCTET STRING", Active="INTEGER",
    **dict.fromkeys("ActiveSAs ActiveTunnels PendingKeyOperations".split(), "Gauge32"),
    **dict.fromkeys("KeyAdditions KeyDeletions ReKeys PacketsNotAuthenticated "
                    "ReplayFailures PacketsSent PacketsReceived BytesSent "
                    "BytesReceived".split(), "Counter64"),
    **dict.fromkeys("LastChange DiscontinuityTime".split(), manager.TICKS))

# What the peers of a row add up to: the sum of these columns of the row.
SUMS = {
    "ActiveSAs": ("ActiveSA",),
    "BytesSent": ("ConfidentialBytesSent", "AuthenticatedBytesSent"),
    "BytesReceived": ("ConfidentialBytesReceived", "AuthenticatedBytesReceived"),
    **{name: (name,) for name in
       "ActiveTunnels PendingKeyOperations KeyAdditions KeyDeletions ReKeys "
       "PacketsNotAuthenticated ReplayFailures PacketsSent PacketsReceived".split()},
}

READINGS = 50  # until a row is given up that changes from one to the next


def index_of(name):
    """The part of an OID that is a string."""
    return ".".join(str(n) for n in [len(name)] + list(name.encode()))


def typed(found, types):
    """The values, if they have these types."""
    row = {}
    for (field, wanted), (kind, value) in zip(types.items(), found):
        if kind != wanted:
            raise Mismatch("SNMP: %s is a %s" % (field, kind))
        row[field] = value.decode() if isinstance(value, bytes) else value
    return row


def row_of_snmp(arguments, name, times=()):
    """One request for the whole row. Every column must be a Counter64, except these
    times (name: OID), in ticks."""
    index = index_of(name)
    wanted = {field: "%s.%d.%s" % (INSTANCE_TABLE, column, index)
              for field, column in INSTANCE_COUNTERS.items()}
    for column, field in enumerate(COLUMNS, 1):
        wanted[field] = "%s.%d.%s" % (STATS_TABLE, column, index)
    types = dict.fromkeys(wanted, "Counter64")
    for field, oid in times:
        wanted[field] = oid.replace("INDEX", index)
        types[field] = manager.TICKS
    return typed(manager.get(arguments, *wanted.values()), types)


def peer_of_snmp(arguments, name, peer):
    """One request for one peer of a row."""
    index = index_of(name) + "." + index_of(peer)
    oids = ["%s.%d.%s" % (PEER_TABLE, column, index)
            for column in range(2, 2 + len(PEER_COLUMNS))]
    return typed(manager.get(arguments, *oids), PEER_COLUMNS)


def peers_of_snmp(arguments, name):
    """All peers of a row, by their names: a request for each."""
    roots = ["%s.%d.%s" % (PEER_TABLE, column, index_of(name))
             for column in range(2, 2 + len(PEER_COLUMNS))]
    peers, at = {}, roots
    while True:
        found = manager.next_of(arguments, *at)
        at = [oid for oid, _, _ in found]
        if not at[0].startswith(roots[0] + "."):
            return peers
        index = at[0][len(roots[0]) + 1:]
        if at != [root + "." + index for root in roots]:
            raise Mismatch("SNMP: peer %s is not in every column" % index)
        peer = bytes(int(n) for n in index.split(".")[1:]).decode()
        peers[peer] = typed([(kind, value) for _, kind, value in found], PEER_COLUMNS)


def row_and_peers(arguments, name):
    """A row and its peers, of one moment: two readings in a row are the same."""
    last = None
    for _ in range(READINGS):
        now = row_of_snmp(arguments, name), peers_of_snmp(arguments, name)
        if now == last:
            return now
        last = now
    raise Mismatch("row %r changed from one reading to the next" % name)


def wrong_sums(row, peers):
    """A line for each column in which the peers do not add up to the row (I7), and for
    each peer with another number of SAs than additions minus deletions (I1)."""
    wrong = []
    for column, parts in SUMS.items():
        total = sum(peer[column] for peer in peers.values())
        own = sum(row[part] for part in parts)
        if total != own:
            wrong.append("%s: the peers have %d, the row has %d (%+d): %s" % (
                column, total, own, total - own,
                {name: peer[column] for name, peer in peers.items()}))
    for name, of in [("the row", dict(row, ActiveSAs=row["ActiveSA"])), *peers.items()]:
        if of["ActiveSAs"] != of["KeyAdditions"] - of["KeyDeletions"]:
            wrong.append("%s: ActiveSAs %d, KeyAdditions %d - KeyDeletions %d" % (
                name, of["ActiveSAs"], of["KeyAdditions"], of["KeyDeletions"]))
    return wrong
