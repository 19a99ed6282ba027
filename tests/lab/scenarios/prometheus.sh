# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Real servers, Prometheus and prometheus-snmp-exporter, scrape a gateway with two HBAs:
# every series, type, label and value; the rules and their alerts; the queries of the
# dashboard.
# limit: 900
# suites: bookworm trixie
# outside: prometheus

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

PROMETHEUS=http://10.99.0.1:9090
EXPORTER="http://10.99.0.1:9116/snmp?target=10.99.0.2&module=qmipsec&auth=qmipsec_v2"
DASHBOARD=/src/contrib/prometheus/qmipsec-dashboard.json

# ask COMMAND ARGUMENT…: prometheus.py.
ask() { python init prometheus "$@"; }

# value QUERY: the only result. Without one, as after a scrape that took too long on a busy
# machine, it tries again.
value()
{
	eventually 120 ask value $PROMETHEUS "$1"
	ask value $PROMETHEUS "$1"
}

# same TEXT: after a scrape that begins from now on, Prometheus has what the agent says.
# Questions of the guest to its agent would only slow the scrape down.
same()
{
	local now

	settled init
	now=$(value 'time()')
	for _ in {1..5}; do
		eventually 120 ask value $PROMETHEUS "timestamp(qmIpsecAgentPolls) > $now"
		! ask server $PROMETHEUS || break
	done
	check "$1" ask server $PROMETHEUS
}

# alert NAME STATE: for eventually. Alerts that wait before they fire are pending.
alert() { [[ $'\n'$(ask alerts $PROMETHEUS) == *$'\n'"$1 $2"* ]]; }

# raised STATE NAME…
raised()
{
	local name

	for name in "${@:2}"; do
		if eventually 120 alert "$name" "$1"; then
			pass "$name is $1"
		else
			fail "$name is $1" "$(ask alerts $PROMETHEUS)"
		fi
	done
}

# checked NAME TEXT: a check outside the guest has succeeded.
checked()
{
	local report

	eventually 120 test -e "/out/$1.checked"
	report=$(<"/out/$1.checked")
	if [[ $report == *"status 0" ]]; then
		pass "$2"
	else
		fail "$2" "$report"
	fi
}

# What outside/prometheus/serve waits for.
mkdir /out/made
cp /build/contrib/prometheus/* /build/mib/QMIPSEC-MIB.txt /out/made/
touch /out/made/complete

# --- two instances and a peer with a label ----------------------------------------------

wire right init
start_snmpd init "${FOR_OUTSIDE[@]}"
start_qmipsecd init "$(config init "peerHoldDown 1" \
	"instance lab local ${ADDR[init.4]}" "instance tcp:eth1 local 192.0.2.1" \
	"peer ${ADDR[right.4]} \"array one\"")"
sa_pair right init 0x100
sa_pair right init 0x200 mode=tunnel proto=ah reqid=7
policy right init ADDR 4 "esp transport"
policy right init INNER 4 "ah tunnel reqid 7"
traffic udp ADDR right init --count 10 --back-count 5 >&2
traffic udp INNER right init --count 10 --back-count 5 >&2

# --- every series --------------------------------------------------------------------------

eventually 120 ask rules $PROMETHEUS
settled init
check "the exporter has every series of the agent" ask exporter "$EXPORTER"
same "so has Prometheus"
received=$(value 'qmIpsecPeerPacketsReceived{qmIpsecPeerLabel="array one"}')
is "the packets of the peer with a label" "$received" 20
cost=$(ask size "$EXPORTER")
pass "the cost of a scrape: $cost"

# --- the alerts -----------------------------------------------------------------------------

# Until the first scrape there was no answer, and until the next evaluation it is an alert.
no_alert() { [ -z "$(ask alerts $PROMETHEUS)" ]; }
eventually 60 no_alert || true
active=$(ask alerts $PROMETHEUS)
is "no alert so far" "$active" ""
python right inject record --iface to-init --file /tmp/lab/frames -- traffic udp \
	--left right --right init --source "${ADDR[right.4]}" --dest "${ADDR[init.4]}" \
	--count 40 --size 100 >&2
inject() { python right inject send --iface to-init --file /tmp/lab/frames "$@" >&2; }
inject --spi 0xdead --count 30
inject --count 30
inject --seq 1000 --flip-icv --count 30
inject --seq 1001 --cut 20 --count 30
row_is "packets that IPsec rejected" init lab BadSPIPackets=30 ReplayFailures=30 \
	PacketsNotAuthenticated=30 PacketsNotDecrypted=30
raised firing QmipsecBadSPIs QmipsecReplays QmipsecNotAuthenticated QmipsecNotDecrypted
namespaces=$(value 'count(qmipsec:bad_spi_packets:increase5m > 0)')
is "bad SPIs are counted once for the namespace" "$namespaces" 1
check "the exporter has the errors" ask exporter "$EXPORTER"
eventually 120 ask dashboard $PROMETHEUS $DASHBOARD || true
check "every query of the dashboard returns data" ask dashboard $PROMETHEUS $DASHBOARD
check "every rule is evaluated" ask rules $PROMETHEUS

on init ip xfrm state deleteall
raised pending QmipsecPeerDown
same "Prometheus has what is left after the SAs are deleted"
stop qmipsecd-init
raised pending QmipsecNotServed
stop snmpd-init
raised pending QmipsecNoAnswer

# --- what was checked outside -------------------------------------------------------------------

checked config "promtool accepts the configuration"
checked rules "promtool: the unit tests of the rules pass"
checked generator "the generator makes the same module from the MIB"
