# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A gateway with three peers: one with rekeys under traffic; one behind a NAT, which moves
# with traffic and then gets another mapping; one that disappears. Meanwhile the daemon is
# stopped, killed and reloaded. The traffic of each peer equals an independent count to
# the byte, and after each step the peers add up to their row.
# limit: 900

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

OUT=$((700 + 8 + 20)) # bytes of a datagram in tunnel mode, from the hub
IN=$((300 + 8 + 20))  # and to it
REKEYS=3
OFF=100 # of two times of one moment, in ticks, as in the scenario "restart"
NONE=10.0.0.99

# --- hub --- one;  hub --- nat --- two;  hub --- three -----------------------------------

wire hub one
spoke hub nat
spoke hub three
namespace two
HUB=${ADDR[hub.4]} ONE=${ADDR[one.4]} THREE=${ADDR[three.4]}
# What the hub sees of two: at first, at its other address, after another mapping.
FIRST=10.0.1.2 MOVED=10.0.1.5 MAPPED=10.0.2.5
on nat ip link add to-two type veth peer name to-nat netns two
on nat ip -batch - <<-END
	address add 192.168.1.1/24 dev to-two
	link set to-two up
	route add blackhole 10.0.1.0/24
	route add blackhole 10.0.2.0/24
END
on two ip -batch - <<-END
	address add 192.168.1.2/24 dev to-nat
	link set to-nat up
	route add default via 192.168.1.1
	route add ${INNER[hub.4]} via 192.168.1.1 src ${INNER[two.4]}
END
on hub ip -batch - <<-END
	route add 10.0.1.0/24 via ${ADDR[nat.4]}
	route add 10.0.2.0/24 via ${ADDR[nat.4]}
	route add ${INNER[two.4]} via ${ADDR[nat.4]} src ${INNER[hub.4]}
END
on nat sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
on two sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/promote_secondaries'
on hub sh -c 'echo 3600 >/proc/sys/net/core/xfrm_acq_expires'

# The mapping, a prefix for a prefix, is in two actions that the filters refer to, so that
# "tc actions replace" changes it for each packet at once.
OUTWARD="action nat egress 192.168.1.0/24 10.0.1.0 index 1"
INWARD="action nat ingress 10.0.1.0/24 192.168.1.0 index 2"
on nat tc -batch - <<-END
	qdisc add dev to-hub clsact
	filter add dev to-hub egress protocol ip matchall $OUTWARD
	filter add dev to-hub ingress protocol ip matchall $INWARD
END
eventually 60 on two ping -c1 -W1 "$HUB"

# --- IKE and the daemon ---------------------------------------------------------------

config_of() { config hub "saveInterval 1" "peerHoldDown 3" "instance hub local $HUB" "$@"; }

CONF=$(config_of "peer $ONE \"branch office\"")
start_snmpd hub
start_qmipsecd hub "$CONF"
for ns in hub one two three; do
	block_plain $ns
done
# The kernel's own account of what an SA has carried when it is deleted.
background monitor-hub hub stdbuf -oL ip -s -rcvbuf 16777216 xfrm monitor nokeys SA
eventually 60 listens hub monitor-hub

# The hub gives up a peer after 2 + 2 · 8 s, as in the scenario "life".
CHARON_EXTRA='retransmit_tries = 1
	retransmit_timeout = 8.0
	retransmit_base = 1.0'

# tunnel NAMESPACE ADDRESS EXTRA: the hub's connection to it.
tunnel()
{
	IKE_EXTRA[hub]=$3
	connection "$1" "$HUB" "$2" hub "$1" tunnel "$1 ${INNER[hub.4]}/32 ${INNER[$1.4]}/32"
}

load_charon hub < <(
	tunnel one "$ONE" "mobike = no"
	tunnel two %any ""
	tunnel three "$THREE" "$(printf 'mobike = no\ndpd_delay = 2s')"
)
for ns in one two three; do
	[ $ns = two ] || IKE_EXTRA[$ns]="mobike = no"
	load_charon $ns < <(connection $ns %any "$HUB" $ns hub tunnel \
		"$ns ${INNER[$ns.4]}/32 ${INNER[hub.4]}/32")
	swan $ns --initiate --child $ns --timeout 60 >&2
done

# --- what is expected -------------------------------------------------------------------

# By peer: the packets, and "additions deletions rekeys SAs".
declare -A SENT=([$ONE]=0 [$FIRST]=0 [$THREE]=0) RECEIVED=([$ONE]=0 [$FIRST]=0 [$THREE]=0)
declare -A KEYS=([$ONE]="2 0 0 2" [$FIRST]="2 0 0 2" [$THREE]="2 0 0 2")
# The columns of the errors of ONE, or of the group that it is in later.
ERRORS=(ReplayFailures=0 PacketsNotAuthenticated=0)

peer() { oracle hub value --row hub --peer "$1" --snmp="$SNMP_ARGS" "${@:2}"; }
peer_has() { [ "$(peer "$1" "$2")" = "$3" ]; }
uptime() { get hub 1.3.6.1.2.1.1.3.0; }
row_times() { get hub "$ROOT.1.1.1.14.3.104.117.98"; }

# step TEXT: without traffic, every peer has what is expected, and the row has all of it.
step()
{
	local ip a d r n errors sent=0 received=0 sum=(0 0 0 0)

	settled hub
	for ip in "${!SENT[@]}"; do
		read -r a d r n <<<"${KEYS[$ip]}"
		errors=()
		[ "$ip" != "$ONE" ] || errors=("${ERRORS[@]}")
		check "$1: $ip, ${SENT[$ip]} packets sent, ${RECEIVED[$ip]} received" \
			oracle hub diff --row hub --peer "$ip" --snmp="$SNMP_ARGS" \
			PacketsSent="${SENT[$ip]}" BytesSent=$((SENT[$ip] * OUT)) \
			PacketsReceived="${RECEIVED[$ip]}" \
			BytesReceived=$((RECEIVED[$ip] * IN)) \
			KeyAdditions="$a" KeyDeletions="$d" ReKeys="$r" ActiveSAs="$n" \
			ActiveTunnels=$((n / 2)) PendingKeyOperations=0 "${errors[@]}"
		sent=$((sent + SENT[$ip])) received=$((received + RECEIVED[$ip]))
		sum=($((sum[0] + a)) $((sum[1] + d)) $((sum[2] + r)) $((sum[3] + n)))
	done
	row_is "$1: the row, $sent packets sent, $received received" hub hub \
		TunnelBytesSent=$((sent * OUT)) ConfidentialBytesSent=$((sent * OUT)) \
		TunnelBytesReceived=$((received * IN)) PacketsSent=$sent \
		PacketsReceived=$received KeyAdditions="${sum[0]}" \
		KeyDeletions="${sum[1]}" ReKeys="${sum[2]}" ActiveSA="${sum[3]}" \
		ActiveTunnels=$((sum[3] / 2)) PendingKeyOperations=0 "${ERRORS[@]}"
	sums_close "$1" hub hub
}

# some NAMESPACE PEER COUNT: as many datagrams to it, and half as many from it.
some()
{
	traffic udp INNER hub "$1" --size 700 --count "$3" --back-size 300 \
		--back-count $(($3 / 2)) >/dev/null
	SENT[$2]=$((SENT[$2] + $3)) RECEIVED[$2]=$((RECEIVED[$2] + $3 / 2))
}

# flows NAMESPACE [option…]: datagrams both ways, without an end.
flows()
{
	start_flow there udp INNER hub "$1" --size 700 --pause 0.005 "${@:2}"
	start_flow back udp INNER "$1" hub --size 300 --pause 0.005 --port 7778 "${@:2}"
}

# between TEXT LOW VALUE HIGH
between()
{
	if [ "$3" -ge "$2" ] && [ "$3" -le "$4" ]; then
		pass "$1: $3 is from $2 to $4"
	else
		fail "$1" "$3 is not from $2 to $4"
	fi
}

near() { between "$1" $(($2 - OFF)) "$3" $(($2 + OFF)); }

# --- peer one: rekeys --------------------------------------------------------------------

spi_to() { on hub ip xfrm state list src "$HUB" dst "$1" | sed -n 's/.* spi \([^ ]*\).*/\1/p'; }
spi_changed() { local spi; spi=$(spi_to "$1") && [[ $spi == 0x???????? && $spi != "$2" ]]; }
sent_more() { [ "$(peer "$1" PacketsSent)" -gt "$2" ]; }
hub_has() { [ "$(count_sas hub)" = "$1" ]; }
logged() { grep -q "$2" "$LOGS/charon-$1-ike.log"; }

step "at the start"
is "the label of the configuration, and an address" \
	"$(peer "$ONE" Label), $(peer "$FIRST" Label)" "branch office, $FIRST"
is "one is active" "$(peer "$ONE" Active)" 1
up=$(peer "$ONE" LastChange)
row_since=$(row_times)

flows one
for n in $(seq $REKEYS); do
	old=$(spi_to "$ONE")
	swan hub --rekey --child one >&2
	eventually 60 spi_changed "$ONE" "$old"
	eventually 60 sent_more "$ONE" "$(peer "$ONE" PacketsSent)"
done
swan hub --rekey --ike one >&2
eventually 60 logged hub 'IKE_SA one\[[0-9]*\] rekeyed between'
eventually 60 sent_more "$ONE" "$(peer "$ONE" PacketsSent)"
end_flow there
is "all datagrams to one arrived" "${FLOW[packets_received]}" "${FLOW[packets_sent]}"
SENT[$ONE]=${FLOW[packets_sent]}
end_flow back
eventually 60 hub_has 6
is "all datagrams from one arrived" "${FLOW[packets_received]}" "${FLOW[packets_sent]}"
RECEIVED[$ONE]=${FLOW[packets_received]}
KEYS[$ONE]="$((2 * REKEYS + 2)) $((2 * REKEYS)) $REKEYS 2"
step "$REKEYS rekeys and one of IKE"

# --- peer three disappears ---------------------------------------------------------------

some three "$THREE" 30
some two "$FIRST" 20
crash charon-three

# --- peer two moves, while the hub waits for three ------------------------------------------

sends_to() { on hub ip xfrm state list src "$HUB" dst "$1" | grep -q spi; }
# refused: packets that the hub decrypted, and so counted, but did not deliver.
refused()
{
	echo $(($(xfrm_stat hub XfrmInNoPols) + $(xfrm_stat hub XfrmInTmplMismatch) +
		$(xfrm_stat hub XfrmInPolBlock)))
}
# gone PEER FIELD: the sum over the SAs from this peer that were deleted.
gone() { oracle hub sum "$2" --file "$LOGS/monitor-hub.log" src="$1"; }
was_deleted() { [ "$(gone "$1" count)" = "$2" ]; }

since=$(peer "$FIRST" DiscontinuityTime)
not_delivered=$(refused)
count_frames first hub to-nat --dest $FIRST
count_frames moved hub to-nat --dest $MOVED
flows two --tolerant
eventually 60 sent_more $FIRST 50
on two ip address add 192.168.1.5/24 dev to-nat
on two ip address del 192.168.1.2/24 dev to-nat
eventually 60 sends_to $MOVED
eventually 60 sent_more $MOVED 100
end_flow there
end_flow back
all=$((RECEIVED[$FIRST] + FLOW[packets_received] + $(refused) - not_delivered))
to_first=$((SENT[$FIRST] + $(frames first))) to_moved=$(frames moved)
if [ "$LAB_SUITE" != sid ]; then
	eventually 60 was_deleted $FIRST 1
	SENT[$FIRST]=$to_first
	# By the sender it is known what arrived in all, by the kernel when the SA moved.
	RECEIVED[$FIRST]=$(gone $FIRST packets)
else # It migrates the SA, and then no message has its counters.
	settled hub
	read -r sent received < <(peer $FIRST PacketsSent PacketsReceived)
	# What was sent until the dump that follows, but not later.
	between "the old address has all that was sent to it" "$to_first" "$sent" \
		$((to_first + to_moved - 100))
	between "the old address has a part of what was received" $((RECEIVED[$FIRST] + 1)) \
		"$received" $((all - 1))
	SENT[$FIRST]=$sent RECEIVED[$FIRST]=$received
fi
SENT[$MOVED]=$((to_first + to_moved - SENT[$FIRST]))
RECEIVED[$MOVED]=$((all - RECEIVED[$FIRST]))
KEYS[$FIRST]="0 0 0 0"
KEYS[$MOVED]="2 0 0 2"

# --- what three leaves ---------------------------------------------------------------------

# last_seen: ${SEEN} is a time at which the hub still had SAs with three.
last_seen()
{
	local now

	now=$(uptime)
	sends_to "$THREE" || return 0
	SEEN=$now
	return 1
}

SEEN=0
eventually 90 last_seen
eventually 60 peer_has "$THREE" Active 2
between "three became inactive after the hold-down" $((SEEN + 300 - OFF)) \
	"$(peer "$THREE" LastChange)" $(($(uptime) + OFF))
down=$(peer "$THREE" LastChange)
KEYS[$THREE]="2 2 0 0"
step "two has moved, three is gone"
between "the old address of two has a discontinuity" $((since + 1)) \
	"$(peer $FIRST DiscontinuityTime)" "$(uptime)"
is "the row has none" "$(row_times)" "$row_since"
eventually 60 peer_has $FIRST Active 2
is "the new address is active" "$(peer $MOVED Active)" 1

# --- the daemon is stopped, and killed --------------------------------------------------------

saved_since() { [ "/tmp/lab/qmipsecd-hub/qmipsecd.state" -nt "$1" ]; }

stop qmipsecd-hub
start_qmipsecd hub "$CONF"
step "SIGTERM and start"
near "one has been active since then" "$up" "$(peer "$ONE" LastChange)"
near "three has been inactive since then" "$down" "$(peer "$THREE" LastChange)"
is "three is inactive" "$(peer "$THREE" Active)" 2
some one "$ONE" 20
some two $MOVED 20
settled hub

touch /tmp/lab/stamp
eventually 60 saved_since /tmp/lab/stamp
since=$(peer $MOVED DiscontinuityTime)
crash qmipsecd-hub
start_qmipsecd hub "$CONF"
step "kill -9 and start"
near "one was active all the time" "$up" "$(peer "$ONE" LastChange)"
between "two has a discontinuity" $((since + OFF)) "$(peer $MOVED DiscontinuityTime)" \
	$(($(uptime) + OFF))

# --- another mapping of the NAT ----------------------------------------------------------------

on nat tc -batch - <<-END
	actions replace ${OUTWARD/10.0.1.0/10.0.2.0}
	actions replace ${INWARD/10.0.1.0/10.0.2.0}
END
# The hub learns of it by a packet, which still counts for the old mapping.
traffic udp INNER two hub --size 300 --count 1 >/dev/null
RECEIVED[$MOVED]=$((RECEIVED[$MOVED] + 1))
eventually 60 sends_to $MAPPED
settled hub
KEYS[$MOVED]="0 0 0 0"
KEYS[$MAPPED]="2 0 0 2"
SENT[$MAPPED]=0 RECEIVED[$MAPPED]=0
some two $MAPPED 30
step "another mapping"
old=$(spi_to $MAPPED)
swan hub --rekey --child two >&2
eventually 60 spi_changed $MAPPED "$old"
eventually 60 hub_has 4
KEYS[$MAPPED]="4 2 1 2"
some two $MAPPED 10
step "a rekey at the new address"

# --- errors, and a negotiation --------------------------------------------------------------------

inject() { python one inject "$1" --iface to-hub --file /tmp/lab/recorded "${@:2}"; }

inject record -- traffic udp --left one --right hub --source "${INNER[one.4]}" \
	--dest "${INNER[hub.4]}" --count 5 --size 300
inject send --count 7
inject send --seq 1000000 --flip-icv --count 9
RECEIVED[$ONE]=$((RECEIVED[$ONE] + 5))
ERRORS=(ReplayFailures=7 PacketsNotAuthenticated=9)
step "7 replays and 9 damaged packets from one"

on hub ip xfrm state allocspi src $NONE dst "$HUB" proto esp reqid 99 mode tunnel >&2
settled hub
check "a negotiation with a new peer" oracle hub diff --row hub --peer $NONE \
	--snmp="$SNMP_ARGS" PendingKeyOperations=1 ActiveSAs=0 KeyAdditions=0
sums_close "a negotiation with a new peer" hub hub
on hub ip xfrm state deleteall src $NONE
step "it came to nothing"
refuse "that peer has disappeared" peer $NONE ActiveSAs

# --- a prefix makes one and three the same peer -------------------------------------------------------

SPOKES=10.0.0.0/24
config_of "peer $SPOKES spokes" >/dev/null
kill -HUP "$(</tmp/lab/qmipsecd-hub.pid)"
eventually 60 peer_has $SPOKES Label spokes
SENT[$SPOKES]=$((SENT[$ONE] + SENT[$THREE]))
RECEIVED[$SPOKES]=$((RECEIVED[$ONE] + RECEIVED[$THREE]))
KEYS[$SPOKES]="$((2 * REKEYS + 4)) $((2 * REKEYS + 2)) $REKEYS 2"
for ip in "$ONE" "$THREE"; do
	unset "SENT[$ip]" "RECEIVED[$ip]" "KEYS[$ip]"
	refuse "$ip is no peer any more" peer "$ip" ActiveSAs
done
ONE=$SPOKES
step "a prefix for one and three"
is "they are active" "$(peer $SPOKES Active)" 1
some one $SPOKES 20
step "traffic after it"

for ns in one two; do
	swan hub --terminate --ike $ns --timeout 60 >&2
done
eventually 60 no_sa hub
KEYS[$SPOKES]="$((2 * REKEYS + 4)) $((2 * REKEYS + 4)) $REKEYS 0"
KEYS[$MAPPED]="4 4 1 0"
step "the end"
is "no other peers are in the table" \
	"$(snmp walk hub -Oqn "$ROOT.1.5.1.3" | grep -c .)" ${#SENT[@]}
check "qmipsecd ends on request" stop qmipsecd-hub
