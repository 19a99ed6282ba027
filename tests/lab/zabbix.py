#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives a Zabbix server by its API, and compares what it has collected with SNMP.

    zabbix.py setup --templates DIR MACRO=VALUE…
        imports the template for the server's version, and makes the host "lab" at
        10.99.0.2 with these macros; prints the version
    zabbix.py items PREFIX          keys of the host's items; --unsupported: only those
    zabbix.py levels --row NAME --peer ADDRESS    levels, states and texts are as over SNMP
    zabbix.py mark --row NAME --peer ADDRESS      notes counters, and the time
    zabbix.py rates --row NAME --peer ADDRESS
        since mark, each rate, added up over time, is what the counter has gained; prints
        how many have gained something
    zabbix.py negative              rates below 0, of which there are none
    zabbix.py problems              the names of open problems
    zabbix.py graphs                the names of the host's graphs
"""
import argparse
import glob
import json
import sys
import time
import urllib.request

import manager
from states import Mismatch
from tables import INSTANCE_TABLE, index_of, peer_of_snmp, row_of_snmp

SERVER = "http://10.99.0.1:8080"
SNMP = "-v2c -c public -t 20 -r 2 127.0.0.1:1161"
STATE = "/tmp/lab/zabbix.json"
HOST = "lab"
TEMPLATE = "qmipsecd by SNMP"
PATIENCE = 120  # seconds

# By the columns' names. The counters are rates per second, and these per hour.
RATES = {
    "KeyAdditions": "key.additions", "KeyDeletions": "key.deletions", "ReKeys": "rekeys",
    "BadSPIPackets": "bad.spi", "PacketsNotDecrypted": "not.decrypted",
    "PacketsNotAuthenticated": "not.authenticated",
    "PacketsWithReplayDetection": "replay.detection", "ReplayFailures": "replay.failures",
    "ConfidentialBytesSent": "confidential.sent",
    "ConfidentialBytesReceived": "confidential.received",
    "AuthenticatedBytesSent": "authenticated.sent",
    "AuthenticatedBytesReceived": "authenticated.received",
    "TransportBytesSent": "transport.sent", "TransportBytesReceived": "transport.received",
    "TunnelBytesSent": "tunnel.sent", "TunnelBytesReceived": "tunnel.received",
    "PacketsSent": "packets.sent", "PacketsReceived": "packets.received",
    "BytesSent": "bytes.sent", "BytesReceived": "bytes.received",
}
HOURLY = ("KeyAdditions", "KeyDeletions", "ReKeys")
LEVELS = {"ActiveSA": "sas", "ActiveSAs": "sas", "ActiveTunnels": "tunnels",
          "PendingKeyOperations": "pending", "Active": "active"}
# Columns of the instance table.
STATES = {2: "active", 3: "descr", 6: "initiator", 8: "sessions", 12: "scope"}


class Api:
    """JSON-RPC. A session lasts as long as the server."""

    def __init__(self, token=None):
        self.token = token

    def __call__(self, method, **parameters):
        request = {"jsonrpc": "2.0", "method": method, "params": parameters or [], "id": 1}
        if self.token:
            request["auth"] = self.token
        with urllib.request.urlopen(urllib.request.Request(
                SERVER + "/api_jsonrpc.php", json.dumps(request).encode(),
                {"Content-Type": "application/json-rpc"})) as answer:
            result = json.load(answer)
        if "error" in result:
            raise Mismatch("%s: %s" % (method, result["error"]["data"]))
        return result["result"]


def eventually(attempt, seconds=PATIENCE):
    """What the attempt returns, when it does so."""
    end = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except (Mismatch, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.3)


def remembered():
    with open(STATE, encoding="utf-8") as file:
        return json.load(file)


def remember(**more):
    with open(STATE, "w", encoding="utf-8") as file:
        json.dump(more, file)


def host_of(state):
    return {"hostids": state["host"]}


# --- setup --------------------------------------------------------------------------------

def import_template(api, version, folder):
    (file,) = glob.glob("%s/qmipsecd-%s.yaml" % (folder, ".".join(version.split(".")[:2])))
    groups = "groups" if version.startswith("6.0") else "template_groups"
    rules = dict.fromkeys(
        ["templates", "items", "discoveryRules", "triggers", "graphs", "valueMaps",
         "templateDashboards"], {"createMissing": True, "updateExisting": True})
    rules[groups] = {"createMissing": True, "updateExisting": True}
    with open(file, encoding="utf-8") as source:
        api("configuration.import", format="yaml", rules=rules, source=source.read())
    (template,) = api("template.get", filter={"host": TEMPLATE}, output=["templateid"])
    return template["templateid"]


def make_host(api, version, template, macros):
    (group,) = api("hostgroup.get", filter={"name": "Linux servers"}, output=["groupid"])
    details = {"version": 2, "community": "public", "bulk": 1}
    if not version.startswith("6.0"):
        details["max_repetitions"] = 10
    made = api("host.create", host=HOST, groups=[group], templates=[{"templateid": template}],
               macros=[{"macro": "{$QMIPSEC.%s}" % name, "value": value}
                       for name, value in macros],
               interfaces=[{"type": 2, "main": 1, "useip": 1, "ip": "10.99.0.2", "dns": "",
                            "port": "161", "details": details}])
    return made["hostids"][0]


def setup(args):
    version = eventually(lambda: Api()("apiinfo.version"))
    api = Api(Api()("user.login", username="Admin", password="zabbix"))
    if not version.startswith("6.0"):  # the guest can be slow; 6.0 has this in its file
        api("settings.update", timeout_snmp_agent="10s")
    template = import_template(api, version, args.templates)
    import_template(api, version, args.templates)  # again, as after an upgrade
    host = make_host(api, version, template, [pair.split("=") for pair in args.words])
    remember(token=api.token, host=host)
    print(version)


# --- what it has collected ------------------------------------------------------------------

def items_of(api, state, **more):
    found = api("item.get", output=["itemid", "key_", "lastvalue", "lastclock", "state",
                                    "error", "value_type"], **host_of(state), **more)
    return {item["key_"]: item for item in found}


def items(args):
    state = remembered()
    for key, item in sorted(items_of(Api(state["token"]), state).items()):
        if key.startswith(args.words[0] if args.words else ""):
            if not args.unsupported:
                print(key)
            elif item["state"] != "0":
                print(key, item["error"])


def key(kind, name, *indices):
    return "qmipsec.%s.%s[%s]" % (kind, name, ",".join('"%s"' % index for index in indices))


def wanted_levels(args):
    for column, name in STATES.items():
        ((_, value),) = manager.get(SNMP, "%s.%d.%s" % (INSTANCE_TABLE, column,
                                                        index_of(args.row)))
        yield (key("instance", name, args.row),
               value.decode() if isinstance(value, bytes) else str(value))
    for found, indices in of_both(args):
        for name, value in found.items():
            if name in LEVELS:
                yield key(*indices[:1], LEVELS[name], *indices[1:]), str(value)


def of_both(args):
    yield row_of_snmp(SNMP, args.row), ("instance", args.row)
    yield peer_of_snmp(SNMP, args.row, args.peer), ("peer", args.row, args.peer)


def same_levels(args):
    state = remembered()
    has = items_of(Api(state["token"]), state)
    wrong = ["%s: %s instead of %s" % (name, has[name]["lastvalue"] if name in has else None,
                                       value)
             for name, value in wanted_levels(args)
             if name not in has or has[name]["lastclock"] == "0" or
             has[name]["lastvalue"] != value]
    if wrong:
        raise Mismatch("\n".join(wrong))


def levels(args):
    eventually(lambda: same_levels(args))
    print(len(list(wanted_levels(args))))


# --- rates ------------------------------------------------------------------------------------

def counters(args):
    """Keys and values of the counters, over SNMP, and whether they are per hour."""
    for found, indices in of_both(args):
        for name, value in found.items():
            if name in RATES:
                yield key(*indices[:1], RATES[name], *indices[1:]), value, name in HOURLY


def nanoseconds(sample):
    return int(sample["clock"]) * 10**9 + int(sample["ns"])


def history(api, item, since):
    samples = api("history.get", itemids=item["itemid"], history=0, time_from=since // 10**9,
                  output=["clock", "ns", "value"])
    return sorted(samples, key=nanoseconds)


def mark(args):
    """When two samples of each counter are there: the first has no rate yet."""
    state = remembered()
    api = Api(state["token"])
    start = time.time_ns()

    def sampled():
        has = items_of(api, state)
        for name, _, _ in counters(args):
            if name not in has or len(history(api, has[name], start)) < 2:
                raise Mismatch("not yet sampled: %s" % name)

    eventually(sampled)
    remember(**state, counters={name: value for name, value, _ in counters(args)},
             since=time.time_ns())


def gained(samples):
    """The sum of rate times duration, without the first sample, and whether the last two
    are 0, so that nothing is missing."""
    total = 0.0
    for before, after in zip(samples, samples[1:]):
        total += float(after["value"]) * (nanoseconds(after) - nanoseconds(before)) / 1e9
    return total, len(samples) > 3 and all(float(s["value"]) == 0 for s in samples[-2:])


def same_rates(args):
    state = remembered()
    api = Api(state["token"])
    has = items_of(api, state)
    grown = 0
    for name, value, hourly in counters(args):
        expected = value - state["counters"][name]
        total, complete = gained(history(api, has[name], state["since"] - 10 * 10**9))
        total /= 3600 if hourly else 1
        if not complete or abs(total - expected) > 0.01 + expected * 1e-6:
            raise Mismatch("%s: %r instead of %d" % (name, total, expected))
        grown += expected > 0
    return grown


def rates(args):
    print(eventually(lambda: same_rates(args)))


def negative(args):
    state = remembered()
    api = Api(state["token"])
    names = {item["itemid"]: name for name, item in items_of(api, state).items()
             if item["value_type"] == "0"}
    for sample in api("history.get", itemids=list(names), history=0,
                      output=["itemid", "value"]):
        if float(sample["value"]) < 0:
            print(names[sample["itemid"]], sample["value"])


# --- problems and graphs ------------------------------------------------------------------------

def problems(args):
    state = remembered()
    for problem in sorted(Api(state["token"])("problem.get", output=["name"],
                                              **host_of(state)),
                          key=lambda problem: problem["name"]):
        print(problem["name"])


def graphs(args):
    state = remembered()
    for graph in Api(state["token"])("graph.get", output=["name"], **host_of(state)):
        print(graph["name"])


def main():
    commands = {"setup": setup, "items": items, "levels": levels, "mark": mark,
                "rates": rates, "negative": negative, "problems": problems,
                "graphs": graphs}
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=commands)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--templates")
    parser.add_argument("--row")
    parser.add_argument("--peer")
    parser.add_argument("--unsupported", action="store_true")
    args = parser.parse_intermixed_args()
    try:
        commands[args.command](args)
    except (Mismatch, manager.Failed, OSError) as error:
        sys.exit("zabbix.py: %s" % error)


if __name__ == "__main__":
    main()
