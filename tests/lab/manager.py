# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads numbers over SNMP, by the arguments of Net-SNMP's tools.

For v2c it uses the codec of the tests of AgentX, so that no program has to be started for
each request. For other versions it runs snmpget.
"""
import os
import re
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../agentx"))
import snmp  # noqa: E402

TICKS = "TimeTicks"


class Failed(Exception):
    """There was no answer, or one with an error."""


def output_of(*command):
    # Without close_fds, Python starts it in the cheapest way.
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, close_fds=False,
                          universal_newlines=True).stdout


def get(arguments, *names):
    """The (type, value) of each object. A string is in bytes."""
    words = arguments.split()
    if words[0] == "-v2c":
        return get_by_codec(*v2c_words(words), names)
    return get_by_tool(words, names)


def get_by_codec(options, agent, names):
    binds = ask(options, agent, "get", names)
    if [snmp.dotted(bind.name) for bind in binds] != list(names):
        raise Failed("an answer to another request")
    for bind in binds:
        if bind.value is None:
            raise Failed("%s: %s" % (snmp.dotted(bind.name), snmp.TYPE_NAMES[bind.type]))
    return [(snmp.TYPE_NAMES[bind.type], bind.value) for bind in binds]


def next_of(arguments, *names):
    """The (name, type, value) of the object after each, for v2c."""
    options, agent = v2c_words(arguments.split())
    return [(snmp.dotted(bind.name), snmp.TYPE_NAMES[bind.type], bind.value)
            for bind in ask(options, agent, "getnext", names)]


def v2c_words(words):
    """The options of Net-SNMP's tools, and the agent."""
    if words[0] != "-v2c":
        raise ValueError("not for " + words[0])
    return dict(zip(words[1:-1:2], words[2:-1:2])), words[-1]


def ask(options, agent, how, names):
    """The variables of the answer to a request, which is repeated until there is one."""
    address, _, port = agent.partition(":")
    if address != "127.0.0.1":
        raise ValueError("not on loopback: " + agent)
    manager = snmp.Manager(int(port or 161), options["-c"],
                           timeout=float(options.get("-t", 20)))
    try:
        return repeat(getattr(manager, how), 1 + int(options.get("-r", 2)), names)
    finally:
        manager.close()


def repeat(request, times, names):
    for _ in range(times):
        try:
            answer = request(*map(snmp.undotted, names))
        except snmp.NoAnswer as error:
            failure = error
            continue
        except snmp.BadAnswer as error:
            raise Failed("a malformed answer: %s" % error) from None
        if answer.error:
            raise Failed("error %d" % answer.error)
        if len(answer.varbinds) != len(names):
            raise Failed("an answer to another request")
        return answer.varbinds
    raise Failed("no answer: %s" % failure)


def get_by_tool(words, names):
    """Numbers only. A number without a type is of TimeTicks (option -Ot)."""
    try:
        answer = output_of("snmpget", "-On", "-Oet", *words, *names)
    except subprocess.CalledProcessError as error:
        raise Failed("snmpget: status %d" % error.returncode) from None
    lines = answer.splitlines()
    if len(lines) != len(names):
        raise Failed("snmpget: %d lines" % len(lines))
    return [parse(line, name) for line, name in zip(lines, names)]


def parse(line, name):
    match = re.fullmatch(r"\.(\S+) = (?:(\w+): )?(\d+)", line)
    if not match or match.group(1) != name:
        raise Failed("snmpget: not a number: %r" % line)
    return match.group(2) or TICKS, int(match.group(3))
