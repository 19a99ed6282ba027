# SPDX-License-Identifier: GPL-2.0-or-later
"""The triggers, graphs and dashboard of the template for Zabbix.

[KEY] is an item of the same rule, or of the agent: generate.py writes it out.
"""

from collections import namedtuple

Trigger = namedtuple("Trigger", "name expression recovery severity opdata description "
                     "tag manual requires", defaults=("", False, ""))


def rising(key, macro, name, severity, description):
    """Errors per second over a window. A discontinuity is not an error: a row jumps when it
    begins to show the counters of its namespace."""
    limit = "{$QMIPSEC." + macro + ".MAX:\"{#INSTANCE}\"}"
    window = "{$QMIPSEC.ERRORS.WINDOW}"
    return Trigger(
        "{#INSTANCE}: " + name,
        f"avg([{key}],{window})>{limit} and "
        f"max([discontinuity],{window})=min([discontinuity],{window})",
        f"avg([{key}],{window})<={limit}/2",
        severity, "Now: {ITEM.LASTVALUE1}", description, "security")


UNPROTECTED = "{#INSTANCE}: iSCSI sessions without an SA"
BAD_SPI = "packets with an unknown SPI"
NOT_DECRYPTED = "packets cannot be decrypted"

AGENT = [
    Trigger("qmipsecd: snmpd does not answer",
            "nodata([uptime],{$QMIPSEC.NODATA.TIME})=1 and "
            "nodata([data.age],{$QMIPSEC.NODATA.TIME})=1",
            "", "AVERAGE", "",
            "Neither sysUpTime nor the scalars of qmipsecd arrive: the host, the network, "
            "snmpd, or the credentials.", "availability"),
    Trigger("qmipsecd: snmpd answers without qmipsecd",
            "nodata([data.age],{$QMIPSEC.NODATA.TIME})=1 and "
            "nodata([uptime],{$QMIPSEC.NODATA.TIME})=0",
            "", "AVERAGE", "",
            "qmipsecd is not running, is not connected to snmpd, or the view of the "
            "community or user does not include QMIPSEC-MIB.", "availability"),
    Trigger("qmipsecd: the data is too old",
            "min([data.age],#2)>{$QMIPSEC.DATA_AGE.MAX}", "", "WARNING",
            "Age: {ITEM.LASTVALUE1}",
            "The last successful poll of the kernel was long ago: see Last error.",
            "availability"),
    Trigger("qmipsecd: the kernel's events are lost",
            "max([event.losses],{$QMIPSEC.HEALTH.WINDOW})>0", "", "WARNING", "",
            "The counters of deleted SAs may miss what they carried since the last poll. A "
            "larger receive buffer helps.", "performance"),
    Trigger("qmipsecd: polls of the kernel fail",
            "max([failed.polls],{$QMIPSEC.HEALTH.WINDOW})>0", "", "WARNING", "",
            "See Last error for the reason.", "availability"),
    Trigger("qmipsecd: the kernel has no XFRM statistics",
            "last([xfrm.stat])=2", "", "WARNING", "",
            "Packets with an unknown SPI and packets not decrypted are not counted: the log "
            "of qmipsecd names the reason.", "availability"),
]

INSTANCE = [
    rising("bad.spi", "BAD_SPI", BAD_SPI, "WARNING",
           "The peer uses SAs that this host does not have: one end was restarted, or an "
           "IPsec gateway sends to the wrong host."),
    rising("not.decrypted", "NOT_DECRYPTED", NOT_DECRYPTED, "AVERAGE",
           "Packets match an SA but cannot be decrypted: the ends use different keys."),
    rising("not.authenticated", "NOT_AUTHENTICATED", "packets fail the integrity check",
           "AVERAGE", "Packets were altered or forged, or the ends use different keys."),
    rising("replay.failures", "REPLAY", "replay failures", "WARNING",
           "Packets arrive twice, or later than the replay window allows: an attack, or "
           "a network that changes their order."),
    Trigger("{#INSTANCE}: the instance has gone",
            "{$QMIPSEC.INSTANCE.CHECK:\"{#INSTANCE}\"}=1 and last([active])=2 and "
            "last([active],#1)<>last([active],#2)",
            "last([active])<>2", "WARNING", "",
            "The instance is no longer present, or its namespace cannot be read. The "
            "problem is for instances that go while they are watched.", "availability", True),
    Trigger(UNPROTECTED,
            "{$QMIPSEC.UNPROTECTED.CHECK:\"{#INSTANCE}\"}=1 and "
            "min([sessions],{$QMIPSEC.UNPROTECTED.TIME})>0 and "
            "max([sas],{$QMIPSEC.UNPROTECTED.TIME})=0",
            "", "HIGH", "Sessions: {ITEM.LASTVALUE1}",
            "A session is logged in, and no keyed SA carries it.", "security"),
]

PEER = [
    Trigger("{#INSTANCE} to {#LABEL}: the peer is down",
            "{$QMIPSEC.PEER.CHECK:\"{#PEER}\"}=1 and last([active])=2 and "
            "last([active],#1)<>last([active],#2)",
            "last([active])<>2", "WARNING", "",
            "No SA with this peer exists any more. The problem is for peers that go down "
            "while they are watched.", "availability", True),
]

TRIGGERS = {"agent": AGENT, "instance": INSTANCE, "peer": PEER, "xfrm": []}

# Rows for which triggers are not made: conditions (macro, is, regular expression), and a
# regular expression for the names of the triggers.
OVERRIDES = {
    "instance": [
        ("Errors of a namespace: one trigger only",
         [("{#SCOPE}", True, "^2$"), ("{#INSTANCE}", False, "(^|/)unattributed$")],
         f"({BAD_SPI}|{NOT_DECRYPTED})$"),
        ("No SAs in the kernel",
         [("{#TRANSPORT}", False, "{$QMIPSEC.UNPROTECTED.TRANSPORT}")],
         "without an SA$"),
    ],
}

# Graphs: name, and items with their colours.
GREEN, BLUE, ORANGE, RED, PURPLE, GREY = (
    "1A7C11", "2774A4", "F7941D", "E53935", "7E57C2", "6D6D6D")
GRAPHS = {
    "agent": [
        ("qmipsecd: health", [("data.age", BLUE), ("poll.duration", ORANGE)]),
    ],
    "instance": [
        ("{#INSTANCE}: traffic",
         [("confidential.sent", GREEN), ("confidential.received", BLUE),
          ("authenticated.sent", ORANGE), ("authenticated.received", PURPLE)]),
        ("{#INSTANCE}: SAs and sessions",
         [("sas", GREEN), ("tunnels", BLUE), ("sessions", ORANGE), ("pending", GREY)]),
        ("{#INSTANCE}: rejected packets",
         [("bad.spi", ORANGE), ("not.decrypted", PURPLE), ("not.authenticated", RED),
          ("replay.failures", GREY)]),
        ("{#INSTANCE}: rekeys",
         [("rekeys", GREEN), ("key.additions", BLUE), ("key.deletions", ORANGE)]),
    ],
    "peer": [
        ("{#INSTANCE} to {#LABEL}: traffic", [("bytes.sent", GREEN), ("bytes.received", BLUE)]),
    ],
    "xfrm": [],
}

# Pages of the dashboard: name, and graphs.
PAGES = [
    ("Instances", [("instance", 0), ("instance", 1), ("instance", 2), ("instance", 3)]),
    ("Peers", [("peer", 0)]),
    ("Health", [("agent", 0)]),
]
