# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# MOBIKE: a tunnel with traffic moves to another address, to another address family and
# back. It stays the same tunnel: no byte is lost or counts twice, no addition, no
# deletion, no rekey. The wire counts what was sent.
# limit: 720

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

PACKET=$((700 + 8 + 20)) # bytes of a datagram in tunnel mode
MOVED=10.0.0.11

wire left right
# With the last IPv4 address of a device, all routes over it disappear. So the routes of
# the inner traffic are on another device, from which nothing leaves in plain.
on left ip -batch - <<-END
	address del ${ADDR[left.6]}/64 dev to-right
	link add stub type veth peer name stub-end
	link set stub up
	link set stub-end up
	route replace ${INNER[right.4]} dev stub src ${INNER[left.4]}
END
# Keeps the second address when the first is removed.
on left sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/promote_secondaries'
for ns in left right; do
	start_end $ns
	block_plain $ns
done
ike left right tunnel "${INNER[left.4]}/32" "${INNER[right.4]}/32"
for ns in left right; do
	# A fixed address does not move.
	sed -i 's/local_addrs = .*/local_addrs = %any/' "/tmp/lab/charon-$ns/swanctl.conf"
	swan $ns --load-all --file "/tmp/lab/charon-$ns/swanctl.conf" >&2
	# For the user: the kernel's messages.
	background "monitor-$ns" $ns ip -t -s xfrm monitor SA expire
done

# sends NAMESPACE ADDRESS: the source of its outbound SA.
sends() { on "$1" ip xfrm state | grep -q "^src $2 "; }

# still TEXT: both ends have the first pair of SAs, and no others.
still()
{
	local ns

	for ns in left right; do
		row_is "$1: $ns has the same SAs" $ns lab ActiveSA=2 ActiveTunnels=1 \
			KeyAdditions=2 KeyDeletions=0 ReKeys=0 PendingKeyOperations=0
	done
}

# move SENDER OLD NEW PEER TEXT: from one address to another with traffic from SENDER;
# PEER is the new address of right.
move()
{
	local sender=$1 old=$2 new=$3 peer=$4 text=$5 before

	on left ip address add "$new" dev to-right
	eventually 60 on left ping -c1 -W1 "$peer"
	on left ip address del "$old" dev to-right
	eventually 60 sends left "${new%/*}"
	eventually 60 sends right "$peer"
	before=$(row "$sender" lab TunnelBytesSent)
	eventually 60 sent_more_than "$sender" "$before"
	pass "$text: the counter continues from $before"
	still "$text"
}

# refused NAMESPACE: packets that were decrypted, and so counted, but not delivered.
refused()
{
	echo $(($(xfrm_stat "$1" XfrmInNoPols) + $(xfrm_stat "$1" XfrmInTmplMismatch) +
		$(xfrm_stat "$1" XfrmInPolBlock)))
}

# ask NAMESPACE: all the time, so that polls coincide with moves.
ask()
{
	: >"/tmp/lab/asking-$1"
	python_start "asker-$1" "/tmp/lab/asked-$1" "$1" oracle record --row lab \
		--snmp "$SNMP_ARGS" --while-file "/tmp/lab/asking-$1" KeyAdditions KeyDeletions
}

ike_up left >&2
count_frames left left to-right
count_frames right right to-left
ask left
ask right

start_flow there udp INNER left right --size 700 --pause 0.002 --tolerant
move left "${ADDR[left.4]}/24" $MOVED/24 "${ADDR[right.4]}" "another address"
move left $MOVED/24 "${ADDR[left.6]}/64" "${ADDR[right.6]}" "another family"
end_flow there
received=${FLOW[packets_received]}
sent=$(frames left)
counted=$((received + $(refused right)))
row_is "left: what went out on the wire, $sent datagrams" left lab \
	TunnelBytesSent=$((sent * PACKET)) ConfidentialBytesSent=$((sent * PACKET)) \
	TunnelBytesReceived=0
row_is "right: what arrived, $counted datagrams, $((sent - counted)) on the way" right lab \
	TunnelBytesReceived=$((counted * PACKET)) TunnelBytesSent=0 \
	ConfidentialBytesReceived=$((counted * PACKET)) \
	PacketsWithReplayDetection=$counted \
	BadSPIPackets="$(xfrm_stat right XfrmInNoStates)"

# Back to the first addresses, with traffic of the other two SAs.
start_flow back udp INNER right left --size 700 --pause 0.002 --tolerant
move right "${ADDR[left.6]}/64" "${ADDR[left.4]}/24" "${ADDR[right.4]}" "and back"
end_flow back
back_sent=$(frames right)
back_counted=$((FLOW[packets_received] + $(refused left)))
python_end asker-left /tmp/lab/asking-left
python_end asker-right /tmp/lab/asking-right
for ns in left right; do
	is "$ns: never anything but 2 additions, 0 deletions in $(wc -l <"/tmp/lab/asked-$ns") answers" \
		"$(sort -u "/tmp/lab/asked-$ns" | xargs)" "2 0"
	row_is "$ns: no other row has counted anything" $ns unattributed \
		KeyAdditions=0 KeyDeletions=0 TunnelBytesSent=0 TunnelBytesReceived=0
done

# The end shows the final counters again.
ike_down left >&2
eventually 60 no_sa left
eventually 60 no_sa right
row_is "left: all of it, after the tunnel's end" left lab \
	TunnelBytesSent=$((sent * PACKET)) TunnelBytesReceived=$((back_counted * PACKET)) \
	KeyAdditions=2 KeyDeletions=2 ReKeys=0 ActiveSA=0 ActiveTunnels=0
row_is "right: all of it, after the tunnel's end" right lab \
	TunnelBytesSent=$((back_sent * PACKET)) TunnelBytesReceived=$((counted * PACKET)) \
	KeyAdditions=2 KeyDeletions=2 ReKeys=0 ActiveSA=0 ActiveTunnels=0
sums_close "the end" left lab
sums_close "the end" right lab
