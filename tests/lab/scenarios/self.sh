# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The checks of the lab fail when they must: a wrong number in any column, a missing
# row, a text that the oracle does not know.
# limit: 300

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

# fails TEXT CHECK…: the check prints "not ok" with the reason, and does not count
# itself.
fails()
{
	local text=$1 said

	shift
	said=$("$@" 3>&1)
	is "$text" "$(head -n1 <<<"$said")" "not ok some check"
}

fails "is: another value" is "some check" 1 2
fails "check: a command that fails" check "some check" false
fails "refuse: a command that succeeds" refuse "some check" true
refuse "eventually: something that never comes" eventually 1 false

wire left right
sa_pair left right 0x100
policy left right ADDR 4 "esp transport"
traffic udp ADDR left right --count 5 --back-count 3
once left >/tmp/lab/good.json
check "the unaltered document is right" oracle left compare \
	--json /tmp/lab/good.json

compare() { fails "$1" check "some check" oracle left compare "${@:2}"; }

compare "compare: a wrong number of the scenario's own" --json /tmp/lab/good.json \
	ConfidentialBytesSent=$((5 * 1008 + 1))
compare "compare: no such row" --json /tmp/lab/good.json --row nobody
compare "compare: not a document" --json /dev/null
traffic udp ADDR left right --count 1
compare "compare: one packet more since" --json /tmp/lab/good.json

# With one column after the other wrong by one, the oracle must report only that column.
cat >/tmp/lab/alter.py <<'END'
import contextlib, copy, io, sys
sys.path.insert(0, "/src/tests/lab")
sys.dont_write_bytecode = True
import oracle

states = oracle.read_states(None)
expected = oracle.columns_of(states, oracle.read_xfrm_stat())
for name in expected:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        wrong = oracle.report("x", expected, dict(expected, **{name: expected[name] + 1}))
    if wrong != 1 or not said.getvalue().startswith(name + ":"):
        sys.exit("column %s: %r" % (name, said.getvalue()))
text = oracle.output_of("ip", "-s", "xfrm", "state")
for broken in (text + "\tsomething new\n", "\tproto esp\n", text[:len(text) // 3]):
    try:
        oracle.parse_states(broken)
    except oracle.Mismatch:
        continue
    sys.exit("accepted: %r" % broken)
END
check "one off in any column, or an unknown text, is noticed" \
	on left python3 /tmp/lab/alter.py

# The oracles that follow the kernel's messages, watch counters, and read the wire.
cat >/tmp/lab/follow.py <<'END'
import struct, sys
sys.path.insert(0, "/src/tests/lab")
sys.dont_write_bytecode = True
import oracle, tables, wire

def message(what, src, dst, spi, more=""):
    return ("%ssrc %s dst %s\n\tproto esp spi 0x%08x reqid 1 mode tunnel\n"
            "\treplay-window 0%s\n" % (what, src, dst, spi, more))

def life(*messages):
    return list(oracle.life_of("".join(messages), {"1.1.1.1"}).values())

def must(text, condition):
    if not condition:
        sys.exit(text)

def refuses(text, error, function, *args):
    try:
        function(*args)
    except error:
        return
    sys.exit("accepted: " + text)

out1, out2 = ("", "1.1.1.1", "2.2.2.2", 1), ("", "1.1.1.1", "2.2.2.2", 2)
inward = ("Updated ", "2.2.2.2", "1.1.1.1", 3)
gone, expired = ("Deleted ",) + out1[1:], ("Expired ",) + out1[1:]
hard, soft = ("\n\thard 1",), ("\n\thard 0",)
# additions, deletions, rekeys, SAs, tunnels
must("two", life(message(*out1), message(*inward)) == [2, 0, 0, 2, 1])
must("rekey", life(message(*out1), message(*out2), message(*gone)) == [2, 1, 1, 1, 1])
must("no rekey", life(message(*out2), message(*out1), message(*gone)) == [2, 1, 0, 1, 1])
must("hard", life(message(*out1), message(*expired + hard)) == [1, 1, 0, 0, 0])
must("soft", life(message(*out1), message(*expired + soft)) == [1, 0, 0, 1, 1])
must("larval", life(message(*expired + hard)) == [0, 0, 0, 0, 0])
refuses("a flush", oracle.Mismatch, life, "Flushed state proto 0\n")
refuses("UPDSA of a live SA", oracle.Mismatch, life, message(*inward), message(*inward))

row = dict.fromkeys(oracle.COLUMNS, 5)
for name in oracle.COLUMNS:
    down = oracle.fell(row, dict(row, **{name: 4}))
    must("fell: " + name, len(down) == (name not in oracle.LEVELS))
must("late", oracle.wrong_times({"DiscontinuityTime": 8, "sysUpTime": 5}, 2))
must("in time", not oracle.wrong_times({"DiscontinuityTime": 7, "sysUpTime": 5}, 2))

peer = dict.fromkeys(tables.SUMS, 3)
peer.update(ActiveSAs=1, KeyAdditions=4)
row = {part: 6 for parts in tables.SUMS.values() for part in parts}
row.update(ActiveSA=2, KeyAdditions=8, **{
    protocol + way: 3 for protocol in ("ConfidentialBytes", "AuthenticatedBytes")
    for way in ("Sent", "Received")})
must("sums", tables.wrong_sums(row, {"a": peer, "b": peer}) == [])
for name in tables.SUMS:
    wrong = tables.wrong_sums(row, {"a": peer, "b": dict(peer, **{name: peer[name] + 1})})
    must("sums: " + name, wrong and wrong[0].startswith(name + ":"))
    moved = dict(peer, **{name: peer[name] + 1}), dict(peer, **{name: peer[name] - 1})
    must("moved: " + name, bool(tables.wrong_sums(row, dict(zip("ab", moved)))) == (
        name in ("ActiveSAs", "KeyAdditions", "KeyDeletions")))

def frame(fragment=0, inner=0x45, length=84):
    outer = struct.pack("!BBHHHBBH8x", 0x45, 0, 150, 0, fragment, 64, wire.ESP, 0)
    return bytes(14) + outer + struct.pack("!II", 7, 1) + struct.pack(
        "!BBH16x", inner, 0, length)

must("parse", wire.parse(frame()) == (7, 84))
refuses("a fragment", wire.Surprise, wire.parse, frame(fragment=0x2000))
refuses("something encrypted", wire.Surprise, wire.parse, frame(inner=0x9c))
END
check "messages, decreasing counters, sums and frames are read correctly or rejected" \
	python3 /tmp/lab/follow.py
