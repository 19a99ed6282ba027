#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the templates for Zabbix from content.py and alarms.py.

    generate.py [--check]      writes qmipsecd-VERSION.yaml.in beside this file, or fails
                               if one is not up to date

The template for 7.0 reads whole tables with walk[] items. Zabbix 6.0 has none: there, each
item has its own OID, and the server combines them into requests. All else is the same, and
so are the UUIDs: after an upgrade of Zabbix, the newer template replaces the older one.
"""

import hashlib
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import alarms  # noqa: E402
import content  # noqa: E402
from content import TEMPLATE  # noqa: E402

HERE = Path(__file__).resolve().parent
VERSIONS = ["6.0", "7.0"]
ROOT = "@MIB_ROOT_OID@"
# A group that every Zabbix has.
GROUP = {"uuid": "7c2cb727f85b492d88cd56e17127c64d", "name": "Templates/SAN"}
HEIGHT = 5  # of a widget, in rows of the grid
WHOLE, TEXT = "0", "1"  # formats of a value in a walk: as it is, text in UTF-8


def uuid(*words):
    """A UUID of version 4, always the same for the same words."""
    digits = list(hashlib.sha256("/".join((TEMPLATE, *words)).encode()).hexdigest()[:32])
    digits[12], digits[16] = "4", "89ab"[int(digits[16], 16) % 4]
    return "".join(digits)


def oid(relative):
    return "1.3.6.1.2.1.1.3.0" if relative == content.SYS_UPTIME else f"{ROOT}.{relative}"


# --- YAML -------------------------------------------------------------------------------

def scalar(text, indent):
    if "\n" in text:
        lines = text.rstrip("\n").split("\n")
        return "|-\n" + "\n".join((" " * indent + line).rstrip() for line in lines)
    if re.fullmatch(r"[A-Za-z][\w./-]*( [\w./-]+)*", text) and not re.fullmatch(
            "(?i)yes|no|true|false|null|on|off|y|n", text):
        return text
    return "'" + text.replace("'", "''") + "'"


def yaml(value, indent=0):
    """The lines of a dictionary, or of a list of dictionaries or texts."""
    pad = " " * indent
    for key, entry in value.items() if isinstance(value, dict) else ():
        if isinstance(entry, (dict, list)):
            yield f"{pad}{key}:"
            yield from yaml(entry, indent + 2)
        else:
            yield f"{pad}{key}: {scalar(entry, indent + 2)}"
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, dict):
            first, *rest = yaml(entry, indent + 2)
            yield f"{pad}- {first.lstrip()}"
            yield from rest
        else:
            yield f"{pad}- {scalar(entry, indent + 2)}"


def filled(**entries):
    """Without the empty entries."""
    return {key: entry for key, entry in entries.items() if entry}


def tags(pairs):
    return [{"tag": tag, "value": value} for tag, value in pairs]


# --- items --------------------------------------------------------------------------------

def key_of(rule, item_key):
    """The key of an item of a rule, or of the agent."""
    if not rule:
        return f"qmipsec.agent.{item_key}"
    # Names have no quotation mark.
    indices = ",".join(f'"{macro}"' for macro in rule.indices)
    return f"qmipsec.{rule.key}.{item_key}[{indices}]"


def walk_key(name):
    return f"qmipsec.walk.{name}"


def step(kind, *parameters, **more):
    return {"type": kind, "parameters": list(parameters or ("",)), **more}


def steps_of(item, version, index):
    """What makes the item's value from what SNMP returns."""
    kind = item.kind
    if version != "6.0":
        form = TEXT if kind == "text" else WHOLE
        # A row that is not in the walk is no error of the item: nodata() shows it.
        yield step("SNMP_WALK_VALUE", oid(item.oid) + index, form,
                   error_handler="DISCARD_VALUE")
    if kind in ("rate", "hourly"):
        yield step("CHANGE_PER_SECOND")
    if kind == "hourly":
        yield step("MULTIPLIER", "3600")
    if item.scale or kind == "ticks":
        yield step("MULTIPLIER", item.scale or "0.01")
    if kind == "text":
        yield step("DISCARD_UNCHANGED_HEARTBEAT", "1d")


def make_item(item, version, rule=None):
    """An item, or of a rule an item prototype."""
    group = rule.key if rule else "agent"
    index = ".{#SNMPINDEX}" if rule else ""
    text = item.kind == "text"
    fraction = item.scale or item.kind in ("rate", "hourly", "ticks")
    made = filled(
        uuid=uuid("item", group, item.key),
        name=(rule.label if rule else "") + item.name,
        type="SNMP_AGENT" if version == "6.0" else "DEPENDENT",
        snmp_oid=oid(item.oid) + index if version == "6.0" else "",
        key=key_of(rule, item.key),
        delay=interval(rule) if version == "6.0" else "0",
        trends="0" if text else "",
        value_type="CHAR" if text else "FLOAT" if fraction else "",
        units="" if item.kind == "enum" else item.unit,
        description=item.description,
        valuemap={"name": item.unit} if item.kind == "enum" else None,
        preprocessing=list(steps_of(item, version, index)))
    if version != "6.0":
        made["master_item"] = {"key": walk_key(group)}
    made["tags"] = tags(rule.tags if rule else [("component", "health")])
    made |= filled(**{"trigger_prototypes" if rule else "triggers": triggers_about(group, item)})
    return made


def interval(rule):
    return "{$QMIPSEC.XFRM.INTERVAL}" if rule and rule.key == "xfrm" else "{$QMIPSEC.INTERVAL}"


def walk_item(name, what, oids, rule):
    return {
        "uuid": uuid("walk", name),
        "name": f"Walk: {what}",
        "type": "SNMP_AGENT",
        "snmp_oid": "walk[" + ",".join(oids) + "]",
        "key": walk_key(name),
        "delay": interval(rule),
        "history": "0",
        "trends": "0",
        "value_type": "TEXT",
        "description": "All other items come from this.",
        "tags": tags([("component", "walk")]),
    }


def make_items(version):
    if version != "6.0":
        yield walk_item("agent", "health", [oid(content.SYS_UPTIME)[:-2], oid("1.4")], None)
        for rule in content.RULES:
            yield walk_item(rule.key, rule.name.lower(), map(oid, rule.walk), rule)
    for item in content.AGENT:
        yield make_item(item, version)


# --- triggers -------------------------------------------------------------------------------

def rule_named(name):
    return next((rule for rule in content.RULES if rule.key == name), None)


ITEM = re.compile(r"\[([a-z.]+)\]")  # in an expression of alarms.py


def expression(text, group):
    return ITEM.sub(lambda match: f"/{TEMPLATE}/{key_of(rule_named(group), match[1])}", text)


def keys_in(text):
    return ITEM.findall(text)


def make_trigger(trigger, group):
    return filled(
        uuid=uuid("trigger", group, trigger.name),
        expression=expression(trigger.expression, group),
        recovery_mode="RECOVERY_EXPRESSION" if trigger.recovery else "",
        recovery_expression=expression(trigger.recovery, group),
        name=trigger.name,
        opdata=trigger.opdata,
        priority=trigger.severity,
        description=trigger.description,
        manual_close="YES" if trigger.manual else "",
        tags=tags([("scope", trigger.tag)]))


def triggers_about(group, item):
    """The triggers with this item alone: the export format keeps them with it."""
    return [make_trigger(trigger, group) for trigger in alarms.TRIGGERS[group]
            if set(keys_in(trigger.expression)) == {item.key}]


def triggers_about_several(group):
    return [make_trigger(trigger, group) for trigger in alarms.TRIGGERS[group]
            if len(set(keys_in(trigger.expression))) > 1]


# --- graphs ---------------------------------------------------------------------------------

def make_graph(graph, group):
    name, lines = graph
    return {
        "uuid": uuid("graph", group, name),
        "name": name,
        "graph_items": [{
            "sortorder": str(number),
            "drawtype": "BOLD_LINE",
            "color": color,
            "item": {"host": TEMPLATE, "key": key_of(rule_named(group), key)},
        } for number, (key, color) in enumerate(lines)],
    }


def graphs_of(group):
    return [make_graph(graph, group) for graph in alarms.GRAPHS[group]]


def widget(group, number, place, version):
    """Half a page wide. The grid has 24 columns in 6.0, 72 in 7.0."""
    old, prototype = version == "6.0", group != "agent"
    columns = 24 if old else 72
    fields = []
    if prototype:
        fields += [{"type": "INTEGER", "name": "columns", "value": "1"},
                   {"type": "INTEGER", "name": "rows", "value": "1"}]
    fields.append({
        "type": "GRAPH_PROTOTYPE" if prototype else "GRAPH",
        "name": "graphid" if old else "graphid.0",
        "value": {"host": TEMPLATE, "name": alarms.GRAPHS[group][number][0]}})
    if old:
        kind = "GRAPH_PROTOTYPE" if prototype else "GRAPH_CLASSIC"
    else:
        kind = "graphprototype" if prototype else "graph"
        fields.append({"type": "STRING", "name": "reference",
                       "value": "".join("ABCDEFGHIJ"[int(digit, 16) % 10] for digit in
                                        uuid("widget", group, str(number))[:5])})
    return filled(type=kind, x=str(place % 2 * columns // 2), y=str(place // 2 * HEIGHT),
                  width=str(columns // 2), height=str(HEIGHT), fields=fields)


def make_dashboard(version):
    return {
        "uuid": uuid("dashboard"), "name": "IPsec of iSCSI HBAs",
        "pages": [{
            "name": name,
            "widgets": [widget(group, number, place, version)
                        for place, (group, number) in enumerate(graphs)],
        } for name, graphs in alarms.PAGES],
    }


# --- discovery ------------------------------------------------------------------------------

def conditions(triples):
    return [filled(macro=macro, value=value,
                   operator="" if positive else "NOT_MATCHES_REGEX",
                   formulaid=chr(ord("A") + number))
            for number, (macro, positive, value) in enumerate(triples)]


def filter_of(rule):
    return {"evaltype": "AND", "conditions": conditions(
        (macro, positive, "{$QMIPSEC." + name + suffix + "}")
        for macro, name in rule.filters
        for positive, suffix in ((True, ".MATCHES"), (False, ".NOT_MATCHES")))}


def overrides_of(rule):
    return [{
        "name": name,
        "step": str(number),
        "filter": {"evaltype": "AND", "conditions": conditions(triples)},
        "operations": [{"operationobject": "TRIGGER_PROTOTYPE", "operator": "REGEXP",
                        "value": pattern, "discover": "NO_DISCOVER"}],
    } for number, (name, triples, pattern) in enumerate(alarms.OVERRIDES.get(rule.key, []), 1)]


def rows_steps(rule, version):
    if version != "6.0":
        yield step("SNMP_WALK_TO_JSON", *(
            word for macro, column in rule.macros for word in (macro, oid(column), TEXT)))
    script = content.INDEX_READER + rule.script + "return JSON.stringify(rows);"
    yield step("JAVASCRIPT", script)
    yield step("DISCARD_UNCHANGED_HEARTBEAT", "1h")


def make_rule(rule, version):
    columns = ",".join(f"{macro},{oid(column)}" for macro, column in rule.macros)
    old = version == "6.0"
    made = filled(
        uuid=uuid("rule", rule.key), name=rule.name,
        type="SNMP_AGENT" if old else "DEPENDENT",
        snmp_oid=f"discovery[{columns}]" if old else "",
        key=f"qmipsec.{rule.key}.discovery",
        delay=interval(rule) if old else "0",
        filter=filter_of(rule),
        lifetime=rule.lifetime)
    if not old:
        # An agent that is silent for some hours must not take the items away.
        made |= {"enabled_lifetime_type": "DISABLE_AFTER", "enabled_lifetime": "1d"}
    made["item_prototypes"] = [make_item(item, version, rule) for item in rule.items]
    made |= filled(trigger_prototypes=triggers_about_several(rule.key),
                   graph_prototypes=graphs_of(rule.key),
                   master_item=None if old else {"key": walk_key(rule.key)},
                   preprocessing=list(rows_steps(rule, version)),
                   overrides=overrides_of(rule))
    return made


# --- the whole --------------------------------------------------------------------------------

def make_template(version):
    return {
        "uuid": uuid("template"), "template": TEMPLATE, "name": TEMPLATE,
        "description": content.DESCRIPTION,
        "groups": [{"name": GROUP["name"]}],
        "items": list(make_items(version)),
        "discovery_rules": [make_rule(rule, version) for rule in content.RULES],
        "tags": tags([("class", "storage"), ("target", "qmipsecd")]),
        "macros": [{"macro": name, "value": value, "description": description}
                   for name, value, description in content.MACROS],
        "dashboards": [make_dashboard(version)],
        "valuemaps": [{
            "uuid": uuid("valuemap", name), "name": name,
            "mappings": [{"value": str(value), "newvalue": text}
                         for value, text in mappings.items()],
        } for name, mappings in content.VALUE_MAPS.items()],
    }


def make_export(version):
    groups = "groups" if version == "6.0" else "template_groups"
    export = {"version": version, groups: [GROUP],
              "templates": [make_template(version)]}
    export |= filled(triggers=triggers_about_several("agent"), graphs=graphs_of("agent"))
    return "\n".join(["# Made by generate.py. SPDX-License-Identifier: GPL-2.0-or-later",
                      *yaml({"zabbix_export": export}), ""])


def main():
    stale = []
    for version in VERSIONS:
        file = HERE / f"qmipsecd-{version}.yaml.in"
        text = make_export(version)
        if sys.argv[1:] != ["--check"]:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(file)
    for file in stale:
        print(f"{file}: run generate.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
