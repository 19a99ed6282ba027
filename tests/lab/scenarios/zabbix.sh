# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A real Zabbix server with the template: discovery, values, rates, problems and their end.
# limit: 900
# outside: zabbix
# suites: bookworm trixie

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

# A name with all that could be special in a key or in JSON.
SPARE='spare:0000:03:00.1,a[b]{#c}'

# ask COMMAND ARGUMENT…: zabbix.py.
ask() { python init zabbix "$@"; }
asked() { ask "$1" --row lab --peer "$PEER"; }

# problems_are NAME…: exactly these are open; for eventually.
problems_are() { [ "$(ask problems)" = "$(printf '%s\n' "$@" | sort)" ]; }

# become TEXT NAME…
become()
{
	if eventually 180 problems_are "${@:2}"; then
		pass "$1"
	else
		fail "$1" "$(ask problems)"
	fi
}

inject()
{
	python target inject send --iface to-init --file /tmp/lab/frames "$@"
}

counters_are() { [ "$(ask items qmipsec.xfrm | wc -l)" = "$1" ]; }
discovered() { [ "$(ask items "qmipsec.$1.active" | wc -l)" = "$2" ]; }

wire init target
PEER=${ADDR[target.4]}
on init ip address add 10.9.9.9/32 dev lo
start_snmpd init "${FOR_OUTSIDE[@]}"
start_qmipsecd init "$(config lab "peerHoldDown 1" "instance lab local ${ADDR[init.4]}" \
	"instance $SPARE local 10.9.9.9")"

sa_pair init target 0x100
policy init target ADDR 4 "esp transport"
python target inject record --iface to-init --file /tmp/lab/frames -- \
	traffic udp --left target --right init --source "$PEER" --dest "${ADDR[init.4]}" \
	--count 40 --size 100

version=$(ask setup --templates /build/contrib/zabbix INTERVAL=2s XFRM.INTERVAL=2s \
	ERRORS.WINDOW=15s NODATA.TIME=15s DATA_AGE.MAX=30)
pass "Zabbix $version has imported the template, twice"
check "it discovers the instances" eventually 60 discovered instance 3
is "by their names" "$(ask items qmipsec.instance.active)" \
	"$(printf 'qmipsec.instance.active["%s"]\n' lab "$SPARE" unattributed | sort)"
check "it discovers the peer" eventually 60 discovered peer 1
is "by instance and address" "$(ask items qmipsec.peer.active)" \
	"qmipsec.peer.active[\"lab\",\"$PEER\"]"
counters=$(wc -l </proc/net/xfrm_stat)
check "and the kernel's counters" eventually 60 counters_are "$counters"
check "states, levels and texts are those of snmpget" asked levels

asked mark
traffic udp ADDR init target --count 200 --size 1000
sa init target 0x200 ends=init
is "each rate, over time, gives what snmpget's counters have gained" "$(asked rates)" 7
become "no problem so far"
is "no item is unsupported" "$(ask items --unsupported)" ""
is "graphs of the instance and of its peer" 5 "$(ask graphs | grep -c ^lab)"

# The two instances share the namespace's errors: one problem for both.
inject --spi 0xdead --count 50
inject --first 20 --count 20
inject --seq 1000 --flip-icv --count 30
become "injected errors become problems, each once" \
	"lab: packets fail the integrity check" "lab: replay failures" \
	"unattributed: packets with an unknown SPI"
become "and are resolved when no more come"

ip xfrm state deleteall
ip address del 10.9.9.9/32 dev lo
become "a peer is down, an instance has gone" \
	"lab to $PEER: the peer is down" "$SPARE: the instance has gone"
sa_pair init target 0x300
ip address add 10.9.9.9/32 dev lo
become "and both are back"

# Counters begin at 0 again.
stop qmipsecd-init
rm -r /tmp/lab/qmipsecd-init
stop snmpd-init
become "snmpd is gone" "qmipsecd: snmpd does not answer"
is "the items of the instances stay" "$(ask items qmipsec.instance.active | wc -l)" 3
start_snmpd init "${FOR_OUTSIDE[@]}"
become "snmpd is back, qmipsecd is not" "qmipsecd: snmpd answers without qmipsecd"
start_qmipsecd init /tmp/lab/lab.conf
become "qmipsecd is back"
traffic udp ADDR init target --count 10
check "the levels after it" asked levels
is "a reset is no rate" "$(ask negative)" ""
