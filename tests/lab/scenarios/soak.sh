# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Everything at once for a long time: rekeys under traffic, a peer that comes and goes,
# SAs that expire, namespaces that appear and disappear, and a manager that walks without a
# pause. At the end every counter is right, and the daemon has not grown.
#
#	tests/lab/run --seconds 3600 soak	an hour; otherwise less than three minutes
# limit: 420

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

LOG=$LOGS/qmipsecd-init.log
DURATION=${LAB_SECONDS:-120}
SERVICE=("${SERVICE[@]//+net_admin/+net_admin,+sys_admin}")
PACKET=$((700 + 8 + 20)) # bytes of a datagram in tunnel mode
PEER_PACKETS=20


# usage: sets RSS (KiB), FDS and TICKS to what the daemon has and has used, and NETNS to
# the number of network namespaces that exist.
usage()
{
	local pid fds

	pid=$(</tmp/lab/qmipsecd-init.pid)
	FDS=9999 # the least of several moments: a poll and a save have more
	for _ in {1..5}; do
		fds=("/proc/$pid/fd/"*)
		[ ${#fds[@]} -ge $FDS ] || FDS=${#fds[@]}
		sleep 0.1
	done
	RSS=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
	NETNS=$(awk '$1 == "net_namespace" { print $2 }' /proc/slabinfo)
	TICKS=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
}

# One walk after the other, as long as the file exists.
walk_always()
{
	local n=0

	while [ -e /tmp/lab/walking ]; do
		snmp bulkwalk init -Oqn "$ROOT" >/tmp/lab/walked || break
		n=$((n + 1))
		echo $n >/tmp/lab/walks
	done
}

# One rekey of the child with the traffic; the new SAs carry it before the next step.
rekey()
{
	local old before

	old=$(out_spi left)
	before=$(row init left/lab TunnelBytesSent)
	ike_rekey left
	eventually 60 rekeyed left "$old"
	eventually 60 carried_more_than "$before"
	rekeys=$((rekeys + 1))
}

carried_more_than() { [ "$(row init left/lab TunnelBytesSent)" -gt "$1" ]; }

# A connection to a third host: made, used, and terminated.
flap()
{
	swan left --initiate --child far --timeout 60
	traffic udp INNER left third --count $PEER_PACKETS --size 700
	swan left --terminate --ike far --timeout 60
	flaps=$((flaps + 1))
}

# An SA to nowhere that the kernel ends after a second.
expire()
{
	expired=$((expired + 1))
	on left ip xfrm state add src "${ADDR[left.4]}" dst 10.0.9.9 proto esp \
		spi $((0x90000 + expired)) reqid 9 mode tunnel limit time-hard 1 \
		aead 'rfc4106(gcm(aes))' "$KEY160" 128
}

# A namespace with two SAs and traffic; netns.py waits until nothing of it is left.
namespace_cycle()
{
	python3 "$LAB/netns.py" cycle 0 1 --name cyc --packets 5 --errors 3 \
		--pid "$(</tmp/lab/qmipsecd-init.pid)" --log "$LOG"
	cycles=$((cycles + 1))
}

wire left right
spoke left third
namespace init
for ns in left right third; do
	monitor $ns
	[ $ns = third ] || block_plain $ns
done
start_snmpd init
start_qmipsecd init "$(config init "namespace *" "saveInterval 1" \
	"instance lab namespace left local ${ADDR[left.4]}" \
	"instance lab namespace right local ${ADDR[right.4]}" \
	"instance lab namespace third local ${ADDR[third.4]}" \
	"peer ${ADDR[right.4]} right" "peer ${ADDR[third.4]} third")"
load_charon left < <(
	connection lab "${ADDR[left.4]}" "${ADDR[right.4]}" left right tunnel \
		"lab ${INNER[left.4]}/32 ${INNER[right.4]}/32"
	connection far "${ADDR[left.4]}" "${ADDR[third.4]}" left third tunnel \
		"far ${INNER[left.4]}/32 ${INNER[third.4]}/32"
)
load_charon right < <(connection lab "${ADDR[right.4]}" "${ADDR[left.4]}" right left \
	tunnel "lab ${INNER[right.4]}/32 ${INNER[left.4]}/32")
load_charon third < <(connection far "${ADDR[third.4]}" "${ADDR[left.4]}" third left \
	tunnel "far ${INNER[third.4]}/32 ${INNER[left.4]}/32")

rekeys=0 flaps=0 expired=0 cycles=0 rounds=0
ike_up left
start_flow udp udp INNER left right --size 700 --pause 0.02
WATCHED=left/lab start_watch init --strict
touch /tmp/lab/walking
walk_always &
walker=$!

# What is allocated only once has been in the first quarter.
end=$((SECONDS + DURATION)) early=$((SECONDS + DURATION / 4)) started=$SECONDS first=
while [ "$SECONDS" -lt "$end" ] || [ $rounds -lt 8 ]; do
	rekey
	expire
	[ $((rounds % 2)) = 1 ] || flap
	namespace_cycle
	rounds=$((rounds + 1))
	if [ -z "$first" ] && [ "$SECONDS" -ge $early ] && [ $rounds -ge 4 ]; then
		usage
		first="$RSS $FDS $NETNS"
		begin_ticks=$TICKS begin=$SECONDS
	fi
done
usage
rm /tmp/lab/walking
wait $walker || fail "a manager walked all the time" "$(tail -n 3 "$LOGS/snmp-tools.log")"
end_watch "$rounds rounds"
end_flow udp
sent=${FLOW[packets_sent]}
eventually 60 sas_are 2-2
echo "$rounds rounds, $rekeys rekeys, $flaps flaps, $cycles namespaces, $(</tmp/lab/walks) walks, $sent datagrams in $((SECONDS - started)) s"
read -r rss fds netns <<<"$first"
echo "RSS $rss to $RSS KiB, descriptors $fds to $FDS, network namespaces $netns to $NETNS," \
	"processor $((TICKS - begin_ticks)) ticks in $((SECONDS - begin)) s"

# --- the counters -------------------------------------------------------------------------

total=$((sent * PACKET)) far=$((flaps * PEER_PACKETS * PACKET))
is "all datagrams arrived" "${FLOW[packets_received]}" "$sent"
for ns in left right third; do
	mapfile -t counts < <(events $ns)
	case $ns in
	left) columns=(TunnelBytesSent=$((total + far)) TunnelBytesReceived=0) ;;
	right) columns=(TunnelBytesReceived="$total" TunnelBytesSent=0) ;;
	third) columns=(TunnelBytesReceived="$far" TunnelBytesSent=0) ;;
	esac
	row_is "$ns: every byte, and each change that the kernel told of" init $ns/lab \
		"${counts[@]}" "${columns[@]}" PendingKeyOperations=0
done
is "left: as many rekeys as were asked for" "$(row init left/lab ReKeys)" $rekeys
row_is "the namespace that came and went: every packet of each time" init cyc/unattributed \
	ConfidentialBytesSent=$((cycles * 5 * 108)) BadSPIPackets=$((cycles * 3)) \
	KeyAdditions=$((cycles * 2)) KeyDeletions=$((cycles * 2)) ActiveSA=0
is "no event was lost" "$(get init "$ROOT.1.4.8.0")" 0
is "no poll failed" "$(get init "$ROOT.1.4.10.0")" 0

# --- the daemon ---------------------------------------------------------------------------

# A heap that is in use varies by some pages; an SA kept of each round would be more.
is "memory is flat: $rss, then $RSS KiB" "$((RSS - rss <= 256))" 1
is "descriptors: $fds, then $FDS" "$FDS" "$fds"
is "network namespaces: $netns, then $NETNS" "$NETNS" "$netns"
lines=$(wc -l <"$LOG")
is "the log has two lines for each namespace, and few others: $lines" \
	"$((lines <= 2 * cycles + 20))" 1
