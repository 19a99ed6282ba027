#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what Prometheus and its exporter have with what the agent says over SNMP.

    prometheus.py exporter URL          the exporter's page for this agent: every series,
                                        type, label and value
    prometheus.py server URL            the same in Prometheus
    prometheus.py size URL              prints the series and packets of a scrape
    prometheus.py alerts URL            prints NAME STATE for each alert
    prometheus.py rules URL             all rules have been evaluated without an error
    prometheus.py value URL QUERY       prints the only result
    prometheus.py dashboard URL FILE    each query of a dashboard for Grafana returns data

The columns are listed here once more, on purpose: the modules of the exporter are
generated from the MIB.
"""
import json
import re
import sys
import urllib.parse
import urllib.request

import manager
import tables
from states import Mismatch

AGENT = "127.0.0.1:1161"
JOB = "qmipsec"
TRUTH = {"1": "true", "2": "false"}
SCOPE = {"1": "instance", "2": "namespace"}
COUNTER, GAUGE, INFO, NONE = "counter", "gauge", "info", "none"

STATS = {number: (name, GAUGE if number in (1, 2, 6) else COUNTER)
         for number, name in enumerate(tables.COLUMNS, 1)}
INSTANCE = {
    2: ("InstanceActive", TRUTH), 3: ("Descr", NONE), 4: ("InstanceTransport", INFO),
    5: ("Netns", NONE), 6: ("InitiatorName", NONE), 7: ("InstanceIfIndex", GAUGE),
    8: ("InstanceSessions", GAUGE), 9: ("ActiveSAs", NONE), 10: ("Pending", NONE),
    11: ("ActiveTunnels", NONE), 12: ("InstanceErrorScope", SCOPE),
    13: ("InstanceReplayFailures", COUNTER), 14: ("InstanceDiscontinuityTime", GAUGE),
    15: ("Label", NONE), 16: ("InstancePacketsSent", COUNTER),
    17: ("InstancePacketsReceived", COUNTER)}
XFRM = {3: ("XfrmValue", COUNTER), 4: ("NetnsLabel", NONE), 5: ("CounterLabel", NONE)}
AGENT_SCALARS = {
    1: ("AgentVersion", INFO), 2: ("AgentKernelRelease", INFO),
    3: ("AgentPollInterval", GAUGE), 4: ("AgentLastPoll", GAUGE),
    5: ("AgentLastPollDuration", GAUGE), 6: ("AgentTrackedSAs", GAUGE),
    7: ("AgentEvents", COUNTER), 8: ("AgentEventLosses", COUNTER),
    9: ("AgentResyncs", COUNTER), 10: ("AgentFailedPolls", COUNTER),
    11: ("LastError", NONE), 12: ("AgentXfrmStatAvailable", TRUTH),
    13: ("AgentPolls", COUNTER), 14: ("AgentDataAge", GAUGE)}
PEER = {number: ("Peer" + name, kind) for number, name, kind in [
    (2, "Label", NONE), (3, "Active", TRUTH), (4, "ActiveSAs", GAUGE),
    (5, "ActiveTunnels", GAUGE), (6, "PendingKeyOperations", GAUGE),
    (7, "KeyAdditions", COUNTER), (8, "KeyDeletions", COUNTER), (9, "ReKeys", COUNTER),
    (10, "PacketsNotAuthenticated", COUNTER), (11, "ReplayFailures", COUNTER),
    (12, "PacketsSent", COUNTER), (13, "PacketsReceived", COUNTER),
    (14, "BytesSent", COUNTER), (15, "BytesReceived", COUNTER), (16, "LastChange", GAUGE),
    (17, "DiscontinuityTime", GAUGE)]}
# By the OID below the root: the columns, and the labels of the index.
SUBTREES = {
    "1.1.1": (INSTANCE, ("InstanceName",)), "1.2.1": (STATS, ("InstanceName",)),
    "1.3.1": (XFRM, ("XfrmNetns", "XfrmCounterName")), "1.4": (AGENT_SCALARS, ()),
    "1.5.1": (PEER, ("InstanceName", "PeerAddress"))}

# What changes from one moment to the next, also without traffic.
GROWING = ("qmIpsecAgentLastPoll", "qmIpsecAgentPolls", "qmIpsecAgentEvents")
CHANGING = ("qmIpsecAgentLastPollDuration", "qmIpsecAgentDataAge")

SHOWN = 10  # lines of a comparison


# --- what is expected --------------------------------------------------------------

def walk():
    """The values by OID below the root, by Net-SNMP's tool, for the whole MIB."""
    output = manager.output_of(
        "snmpbulkwalk", "-v2c", "-cpublic", "-t20", "-r2", "-m", "", "-On", "-OQ", "-Oe",
        "-Ot", AGENT, tables.ROOT)
    prefix = "." + tables.ROOT + "."
    values = {}
    for line in output.splitlines():
        oid, _, value = line.partition(" = ")
        values[oid[len(prefix):]] = value.strip('"')
    return values


def strings_of(index):
    """The strings that an index consists of."""
    octets, strings = [int(n) for n in index.split(".")], []
    while octets:
        strings.append(bytes(octets[1:1 + octets[0]]).decode())
        octets = octets[1 + octets[0]:]
    return strings


def labels_of(names, index, values):
    labels = dict(zip(("qmIpsec" + name for name in names), strings_of(index)))
    name = labels.get("qmIpsecInstanceName")
    if name is not None:
        labels["qmIpsecInstanceNetns"] = values["1.1.1.5." + tables.index_of(name)]
    if "qmIpsecPeerAddress" in labels:
        labels["qmIpsecPeerLabel"] = values["1.5.1.2." + index]
    return labels


def series_of(name, kind, labels, value):
    """The (labels, value) of one object: several for an enumeration."""
    if isinstance(kind, dict):
        return [({**labels, name: text}, number == value) for number, text in kind.items()]
    if kind == INFO:
        return [({**labels, name: value}, 1)]
    return [(labels, int(value))]


def key(name, labels):
    return (name, *sorted((label, text) for label, text in labels.items() if text))


def expected(values):
    """The value of each series, and the type of each name."""
    series, types = {}, {}
    for oid, value in values.items():
        subtree = next((s for s in SUBTREES if oid.startswith(s + ".")), None)
        if subtree is None:
            raise Mismatch("no table has the object " + oid)
        columns, names = SUBTREES[subtree]
        column, _, index = oid[len(subtree) + 1:].partition(".")
        name, kind = columns[int(column)]
        if kind == NONE:
            continue
        name = "qmIpsec" + name
        types[name] = COUNTER if kind == COUNTER else GAUGE
        labels = labels_of(names, index, values) if names else {}
        for more, number in series_of(name, kind, labels, value):
            series[key(name, more)] = float(number)
    return series, types


def wrong(found, before, after):
    """A line for each series that is not as these two walks say."""
    lines = ["missing: %s" % (s,) for s in sorted(before.keys() - found.keys())]
    lines += ["not expected: %s" % (s,) for s in sorted(found.keys() - before.keys())]
    for series in sorted(found.keys() & before.keys()):
        value, low, high = found[series], before[series], after[series]
        if series[0] in GROWING and value <= high or series[0] in CHANGING and value >= 0:
            continue
        if value != low or value != high:
            lines.append("%s: %s, but %s and then %s over SNMP" % (series, value, low, high))
    return lines


def compare(found, types, label):
    """found() and types() give what there is, between two walks."""
    before, wanted = expected(walk())
    series = found()
    after, _ = expected(walk())
    if before.keys() != after.keys():
        raise Mismatch("the rows have changed")
    lines = wrong(series, before, after)
    kinds = types()
    lines += ["%s is a %s, not a %s" % (name, kinds.get(name), kind)
              for name, kind in wanted.items() if kinds.get(name) != kind]
    if lines:
        raise Mismatch("%s: %d faults:\n%s" % (label, len(lines), "\n".join(lines[:SHOWN])))
    print("%d series" % len(before))


# --- the exporter --------------------------------------------------------------------

def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def samples(page):
    series = {}
    for line in page.splitlines():
        if line.startswith("qmIpsec"):
            name, labels, value = SAMPLE.fullmatch(line).groups()
            series[key(name, dict(LABEL.findall(labels or "")))] = float(value)
    return series


def kinds(page):
    return dict(re.findall(r"^# TYPE (qmIpsec\w+) (\w+)$", page, re.M))


def exporter(url):
    pages = []
    compare(lambda: samples(pages.append(fetch(url)) or pages[0]), lambda: kinds(pages[0]),
            "the exporter")


def size(url):
    page = fetch(url)
    number = dict(re.findall(r"^(snmp_scrape_\w+)(?:\{.*\})? (\S+)$", page, re.M))
    print("%d series, %s objects in %s packets" % (
        len(samples(page)), number["snmp_scrape_pdus_returned"],
        number["snmp_scrape_packets_sent"]))


# --- Prometheus -------------------------------------------------------------------------

def api(url, path, **parameters):
    query = urllib.parse.urlencode(parameters)
    answer = json.loads(fetch("%s/api/v1/%s?%s" % (url, path, query)))
    if answer["status"] != "success":
        raise Mismatch("%s %s: %s" % (path, parameters, answer))
    return answer["data"]


def stored(url):
    series = {}
    for found in api(url, "query", query='{job="%s", __name__=~"qmIpsec.*"}' % JOB)["result"]:
        labels = dict(found["metric"])
        for known in ("instance", "job"):
            if not labels.pop(known, None):
                raise Mismatch("no label %s: %s" % (known, found))
        series[key(labels.pop("__name__"), labels)] = float(found["value"][1])
    return series


def stored_kinds(url):
    return {found["metric"]: found["type"]
            for found in api(url, "targets/metadata", match_target='{job="%s"}' % JOB)}


def server(url):
    compare(lambda: stored(url), lambda: stored_kinds(url), "Prometheus")


def value(url, query):
    found = api(url, "query", query=query)
    if found["resultType"] == "scalar":
        print(found["result"][1])
    elif len(found["result"]) == 1:
        print(found["result"][0]["value"][1])
    else:
        raise Mismatch("%s: %d results" % (query, len(found["result"])))


def alerts(url):
    for alert in api(url, "alerts")["alerts"]:
        print(alert["labels"]["alertname"], alert["state"])


def rules(url):
    found = [rule for group in api(url, "rules")["groups"] for rule in group["rules"]]
    bad = [rule for rule in found if rule["health"] != "ok"]
    if bad or not found:
        raise Mismatch("rules: %s" % bad)
    print("%d rules" % len(found))


# --- the dashboard ------------------------------------------------------------------------

def queries(dashboard):
    """The (place, expression) of each query that must return data."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield "panel %r, %s" % (panel["title"], target["refId"]), target["expr"]


def label_values(query, variables, url):
    """The values that a variable of Grafana can have."""
    selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
    return {series[label] for series in
            api(url, "series", **{"match[]": replaced(selector, variables)}) if series.get(label)}


def replaced(query, variables):
    for name, value in variables.items():
        query = query.replace("$" + name, value)
    if "$" in query:
        raise Mismatch("a variable without a value: " + query)
    return query


def regex_of(values):
    """As Grafana writes several values into a matcher."""
    return "|".join(re.sub(r"([.*+?^${}()|\[\]/\\])", r"\\\\\1", value)
                    for value in sorted(values))


def dashboard(url, path):
    with open(path, encoding="utf-8") as text:
        board = json.load(text)
    variables = {"__rate_interval": "1m"}
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            values = label_values(variable["query"]["query"], variables, url)
            if not values:
                raise Mismatch("the variable %s has no value" % variable["name"])
            variables[variable["name"]] = regex_of(values)
        elif variable["type"] == "custom":
            variables[variable["name"]] = variable["current"]["value"]
    found = list(queries(board))
    empty = [place for place, query in found
             if not api(url, "query", query=replaced(query, variables))["result"]]
    for note in board["annotations"]["list"]:
        api(url, "query", query=replaced(note["expr"], variables))
    if empty or not found:
        raise Mismatch("no data: " + ", ".join(empty))
    print("%d queries" % len(found))


PROGRAMS = {program.__name__: program for program in
            (exporter, size, server, value, alerts, rules, dashboard)}


def main():
    try:
        PROGRAMS[sys.argv[1]](*sys.argv[2:])
    except (Mismatch, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
