# SPDX-License-Identifier: GPL-2.0-or-later
"""What the template for Zabbix contains: macros, items, triggers, graphs.

An object identifier is relative to the MIB's root. generate.py makes the files from this.
"""

from collections import namedtuple

TEMPLATE = "qmipsecd by SNMP"

DESCRIPTION = """\
IPsec statistics of iSCSI HBAs, and of any other IPsec host with Linux, from qmipsecd
(QMIPSEC-MIB) over SNMP v2c or v3. The counters continue over rekeys.

Rows that share the error counters of their network namespace (error scope "namespace") show
the same numbers of packets with an unknown SPI and of packets not decrypted. Do not add them
up. Their triggers exist once, for the row "unattributed" of the namespace."""

# Name, value, description. "{$X:"NAME"}" on a host overrides a threshold for one
# instance or peer.
MACROS = [
    ("{$QMIPSEC.INTERVAL}", "1m", "How often instances, peers and the agent are polled."),
    ("{$QMIPSEC.XFRM.INTERVAL}", "5m", "How often the kernel's XFRM counters are polled."),
    ("{$QMIPSEC.INSTANCE.MATCHES}", ".*", "Instances to discover: a regular expression."),
    ("{$QMIPSEC.INSTANCE.NOT_MATCHES}", "CHANGE_IF_NEEDED", "Instances to leave out."),
    ("{$QMIPSEC.PEER.MATCHES}", ".*",
     "Peers to discover: a regular expression for the address, the prefix, or 'other'."),
    ("{$QMIPSEC.PEER.NOT_MATCHES}", "CHANGE_IF_NEEDED", "Peers to leave out."),
    ("{$QMIPSEC.XFRM.MATCHES}", ".*",
     "XFRM counters to discover, by the kernel's name, as in XfrmInNoStates."),
    ("{$QMIPSEC.XFRM.NOT_MATCHES}", "CHANGE_IF_NEEDED", "XFRM counters to leave out."),
    ("{$QMIPSEC.ERRORS.WINDOW}", "5m", "The time over which errors per second are averaged."),
    ("{$QMIPSEC.BAD_SPI.MAX}", "0.1",
     "Packets per second with an unknown SPI. A few around a rekey are normal. "
     "Context: the instance."),
    ("{$QMIPSEC.NOT_AUTHENTICATED.MAX}", "0.01",
     "Packets per second that fail the integrity check. Context: the instance."),
    ("{$QMIPSEC.NOT_DECRYPTED.MAX}", "0.01",
     "Packets per second that cannot be decrypted. Context: the instance."),
    ("{$QMIPSEC.REPLAY.MAX}", "0.1",
     "Packets per second that are replays or older than the window. Context: the instance."),
    ("{$QMIPSEC.UNPROTECTED.TIME}", "5m",
     "How long an instance may have iSCSI sessions and no SA."),
    ("{$QMIPSEC.UNPROTECTED.CHECK}", "1",
     "0 for instances that may have sessions without IPsec. Context: the instance."),
    ("{$QMIPSEC.UNPROTECTED.TRANSPORT}", "^(tcp|iser)?$",
     "The transports on which sessions need SAs. Adapters with their own TCP/IP stack have "
     "no SAs in the kernel."),
    ("{$QMIPSEC.INSTANCE.CHECK}", "1",
     "0 for instances that may go. Context: the instance."),
    ("{$QMIPSEC.PEER.CHECK}", "1",
     "0 for peers that may go. Context: the peer's address."),
    ("{$QMIPSEC.DATA_AGE.MAX}", "60", "Seconds after which the data is too old."),
    ("{$QMIPSEC.NODATA.TIME}", "5m", "How long the agent may be silent."),
    ("{$QMIPSEC.HEALTH.WINDOW}", "15m",
     "How long a loss of events or a failed poll keeps its problem open."),
]

VALUE_MAPS = {
    "qmipsecd TruthValue": {1: "true", 2: "false"},
    "qmipsecd active": {1: "active", 2: "gone"},
    "qmipsecd peer": {1: "up", 2: "down"},
    "qmipsecd error scope": {1: "instance", 2: "namespace"},
}

# Kinds: "level" and "enum" are numbers as they are, "rate" a counter per second, "hourly" a
# counter per hour, "text" and "ticks" (of sysUpTime) change rarely. unit is the map of an
# "enum". A value is multiplied by scale.
Item = namedtuple("Item", "key name oid kind unit description scale",
                  defaults=("", "", None))

SYS_UPTIME = "sysUpTime"  # not relative to the MIB's root

AGENT = [
    Item("uptime", "Uptime of snmpd", SYS_UPTIME, "level", "uptime", "", "0.01"),
    Item("version", "Version of qmipsecd", "1.4.1.0", "text"),
    Item("kernel", "Kernel release", "1.4.2.0", "text"),
    Item("poll.interval", "Poll interval of the kernel", "1.4.3.0", "level", "s", "", "0.001"),
    Item("poll.duration", "Duration of the last poll of the kernel", "1.4.5.0", "level", "s",
         "", "0.000001"),
    Item("tracked.sas", "Tracked SAs", "1.4.6.0", "level", "!SAs",
         "All entries of the kernel's SA databases."),
    Item("events", "Events from the kernel per second", "1.4.7.0", "rate", "!events/s"),
    Item("event.losses", "Event losses per second", "1.4.8.0", "rate", "!losses/s",
         "How often the kernel dropped events because the daemon's buffer was full."),
    Item("resyncs", "Resynchronisations per second", "1.4.9.0", "rate", "!resyncs/s"),
    Item("failed.polls", "Failed polls per second", "1.4.10.0", "rate", "!polls/s"),
    Item("last.error", "Last error", "1.4.11.0", "text", "",
         "It stays after the error is over."),
    Item("xfrm.stat", "XFRM statistics available", "1.4.12.0", "enum", "qmipsecd TruthValue",
         "Without them, columns 7 and 8 do not grow."),
    Item("polls", "Polls of the kernel per second", "1.4.13.0", "rate", "!polls/s"),
    Item("data.age", "Age of the data", "1.4.14.0", "level", "s", "", "0.001"),
]

INSTANCE = [
    Item("active", "Active", "1.1.1.2", "enum", "qmipsecd active",
         "The row of an HBA that has gone stays, with its last numbers."),
    Item("descr", "Description", "1.1.1.3", "text"),
    Item("initiator", "Initiator name", "1.1.1.6", "text"),
    Item("sessions", "iSCSI sessions", "1.1.1.8", "level", "!sessions"),
    Item("sas", "Active SAs", "1.1.1.9", "level", "!SAs"),
    Item("pending", "Pending key operations", "1.1.1.10", "level", "!negotiations"),
    Item("tunnels", "Active tunnels", "1.1.1.11", "level", "!tunnels"),
    Item("scope", "Error scope", "1.1.1.12", "enum", "qmipsecd error scope",
         "Whether packets with an unknown SPI and packets not decrypted are those of the "
         "instance, or of all instances in its network namespace."),
    Item("replay.failures", "Replay failures per second", "1.1.1.13", "rate", "!packets/s"),
    Item("discontinuity", "Discontinuity time", "1.1.1.14", "ticks", "uptime",
         "The uptime of snmpd when a counter of this row may last have missed something."),
    Item("packets.sent", "Packets sent per second", "1.1.1.16", "rate", "!packets/s"),
    Item("packets.received", "Packets received per second", "1.1.1.17", "rate", "!packets/s"),
    Item("key.additions", "Key additions per hour", "1.2.1.3", "hourly", "!SAs/h"),
    Item("key.deletions", "Key deletions per hour", "1.2.1.4", "hourly", "!SAs/h"),
    Item("rekeys", "Rekeys per hour", "1.2.1.5", "hourly", "!rekeys/h"),
    Item("bad.spi", "Packets with an unknown SPI per second", "1.2.1.7", "rate", "!packets/s",
         "Of the network namespace, if the error scope is namespace."),
    Item("not.decrypted", "Packets not decrypted per second", "1.2.1.8", "rate", "!packets/s",
         "Of the network namespace, if the error scope is namespace."),
    Item("not.authenticated", "Packets not authenticated per second", "1.2.1.9", "rate",
         "!packets/s"),
    Item("replay.detection", "Packets accepted by replay detection per second", "1.2.1.10",
         "rate", "!packets/s", "Good traffic: see Replay failures for the rejected packets."),
    Item("confidential.sent", "Confidential bytes sent", "1.2.1.11", "rate", "Bps", "ESP."),
    Item("confidential.received", "Confidential bytes received", "1.2.1.12", "rate", "Bps",
         "ESP."),
    Item("authenticated.sent", "Authenticated bytes sent", "1.2.1.13", "rate", "Bps", "AH."),
    Item("authenticated.received", "Authenticated bytes received", "1.2.1.14", "rate", "Bps",
         "AH."),
    Item("transport.sent", "Transport-mode bytes sent", "1.2.1.15", "rate", "Bps"),
    Item("transport.received", "Transport-mode bytes received", "1.2.1.16", "rate", "Bps"),
    Item("tunnel.sent", "Tunnel-mode bytes sent", "1.2.1.17", "rate", "Bps"),
    Item("tunnel.received", "Tunnel-mode bytes received", "1.2.1.18", "rate", "Bps"),
]

PEER = [
    Item("active", "Active", "1.5.1.3", "enum", "qmipsecd peer",
         "Down if the peer has had no SA for the configured hold-down time."),
    Item("sas", "Active SAs", "1.5.1.4", "level", "!SAs"),
    Item("tunnels", "Active tunnels", "1.5.1.5", "level", "!tunnels"),
    Item("pending", "Pending key operations", "1.5.1.6", "level", "!negotiations"),
    Item("key.additions", "Key additions per hour", "1.5.1.7", "hourly", "!SAs/h",
         "It has a gap when an SA moves to another address."),
    Item("key.deletions", "Key deletions per hour", "1.5.1.8", "hourly", "!SAs/h"),
    Item("rekeys", "Rekeys per hour", "1.5.1.9", "hourly", "!rekeys/h"),
    Item("not.authenticated", "Packets not authenticated per second", "1.5.1.10", "rate",
         "!packets/s"),
    Item("replay.failures", "Replay failures per second", "1.5.1.11", "rate", "!packets/s"),
    Item("packets.sent", "Packets sent per second", "1.5.1.12", "rate", "!packets/s"),
    Item("packets.received", "Packets received per second", "1.5.1.13", "rate", "!packets/s"),
    Item("bytes.sent", "Bytes sent", "1.5.1.14", "rate", "Bps"),
    Item("bytes.received", "Bytes received", "1.5.1.15", "rate", "Bps"),
    Item("discontinuity", "Discontinuity time", "1.5.1.17", "ticks", "uptime",
         "The uptime of snmpd when a counter of this row may last have missed something, or "
         "when the row began."),
]

XFRM = [Item("value", "{#COUNTER}{#WHERE} per second", "1.3.1.3", "rate", "!events/s")]

# Zabbix' JavaScript: reads the strings of an index, each with its length before it.
INDEX_READER = """\
function strings(index) {
    var numbers = index.replace(/^\\./, '').split('.').map(Number), list = [];
    while (numbers.length) {
        var length = numbers.shift();
        list.push(String.fromCharCode.apply(null, numbers.splice(0, length)));
    }
    return list;
}
var rows = JSON.parse(value);
"""

# A discovery rule. macros are those of LLD with their columns; script adds more of them;
# indices are the macros that make its items' keys unique; label is before its items' names.
Rule = namedtuple("Rule", "key name walk macros script indices label items filters tags "
                  "lifetime")

RULES = [
    Rule("instance", "Instances", ("1.1", "1.2"),
         [("{#INSTANCE}", "1.1.1.15"), ("{#TRANSPORT}", "1.1.1.4"), ("{#NETNS}", "1.1.1.5"),
          ("{#SCOPE}", "1.1.1.12")],
         """\
// Without a single row, qmipsecd is not running: nothing is lost.
if (!rows.length) throw 'no instance';
""",
         ("{#INSTANCE}",), "{#INSTANCE}: ", INSTANCE,
         [("{#INSTANCE}", "INSTANCE")],
         [("component", "instance"), ("instance", "{#INSTANCE}")], "30d"),
    Rule("peer", "Peers", ("1.5",),
         [("{#LABEL}", "1.5.1.2")],
         """\
rows.forEach(function (row) {
    var list = strings(row['{#SNMPINDEX}']);
    row['{#INSTANCE}'] = list[0];
    row['{#PEER}'] = list[1];
});
""",
         ("{#INSTANCE}", "{#PEER}"), "{#INSTANCE} to {#LABEL}: ", PEER,
         [("{#INSTANCE}", "INSTANCE"), ("{#PEER}", "PEER")],
         [("component", "peer"), ("instance", "{#INSTANCE}"), ("peer", "{#LABEL}")], "7d"),
    Rule("xfrm", "XFRM counters", ("1.3",),
         [("{#COUNTER}", "1.3.1.5"), ("{#NETNS}", "1.3.1.4")],
         """\
// The name of the daemon's own namespace is empty.
rows.forEach(function (row) {
    row['{#WHERE}'] = row['{#NETNS}'] ? ' in ' + row['{#NETNS}'] : '';
});
""",
         ("{#NETNS}", "{#COUNTER}"), "", XFRM, [("{#COUNTER}", "XFRM")],
         [("component", "xfrm")], "7d"),
]
