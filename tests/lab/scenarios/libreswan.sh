# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# libreswan instead of strongSwan: rekeys and a deletion with steady traffic. Nothing is
# lost, nothing counts twice.
# limit: 600

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

PLUTO=/opt/libreswan/usr/libexec/ipsec
REKEYS=5
REKEY=--rekey-child # libreswan 5
[ "$LAB_SUITE" != bookworm ] || REKEY=--rekey-ipsec # 4
PACKET=$((700 + 8 + 20)) # bytes of a datagram in tunnel mode

# whack NAMESPACE ARGUMENTS…: for the pluto of this namespace.
whack()
{
	on "$1" "$PLUTO/whack" --rundir "/tmp/lab/pluto-$1" "${@:2}" >>"$LOGS/whack-$1.log" 2>&1
}

# start_pluto NAMESPACE: with the connection "lab", which is the same at both ends.
start_pluto()
{
	local dir=/tmp/lab/pluto-$1

	mkdir -p "$dir/nss"
	certutil -N -d "sql:$dir/nss" --empty-password
	echo ': PSK "nothing here is secret"' >"$dir/ipsec.secrets"
	cat >"$dir/ipsec.conf" <<-END
		conn lab
		    left=${ADDR[left.4]}
		    leftid=@left
		    leftsubnet=${INNER[left.4]}/32
		    leftupdown=%disabled
		    right=${ADDR[right.4]}
		    rightid=@right
		    rightsubnet=${INNER[right.4]}/32
		    rightupdown=%disabled
		    authby=secret
		    ikev2=insist
		    ike=aes128-sha2_256-modp2048
		    esp=aes128-sha2_256
		    rekey=no
		    auto=add
	END
	# It searches for its other programs in the paths of the package.
	# shellcheck disable=SC2016 # the inner shell expands them
	background "pluto-$1" "$1" unshare -m sh -c '
		mount -t tmpfs tmpfs /usr/libexec
		ln -s "$0" /usr/libexec/ipsec
		exec "$0/pluto" --nofork --stderrlog --no-dnssec "$@"
	' "$PLUTO" --config "$dir/ipsec.conf" --rundir "$dir" --ipsecdir "$dir" \
		--nssdir "$dir/nss" --secretsfile "$dir/ipsec.secrets"
	eventually 60 loaded "$1"
}

loaded() { whack "$1" --status && grep '"lab".*unrouted' "$LOGS/whack-$1.log"; }
active() { [ "$(row "$1" lab ActiveSA)" = "$2" ]; }

wire left right
for ns in left right; do
	start_end $ns
	start_pluto $ns # version 5 flushes all policies
	block_plain $ns
	# For the user: the kernel's messages.
	background "monitor-$ns" $ns ip -t -s xfrm monitor SA expire policy
done
whack left --name lab --initiate

start_flow there udp INNER left right --size 700 --pause 0.002
for n in $(seq $REKEYS); do
	old=$(out_spi left)
	before=$(row left lab TunnelBytesSent)
	whack left --name lab "$REKEY"
	# The old ones are deleted a second after the new ones were added.
	eventually 60 rekeyed left "$old"
	eventually 60 sent_more_than left "$before"
	pass "rekey $n: the counter continues from $before"
done
eventually 60 active left 2
eventually 60 active right 2
end_flow there
sent=${FLOW[packets_sent]} received=${FLOW[packets_received]}

is "all datagrams arrived" "$received" "$sent"
total=$((sent * PACKET))
row_is "left: all of $sent datagrams over $((REKEYS + 1)) SAs" left lab \
	TunnelBytesSent=$total ConfidentialBytesSent=$total TunnelBytesReceived=0 \
	ReKeys=$REKEYS KeyAdditions=$((2 * REKEYS + 2)) KeyDeletions=$((2 * REKEYS)) \
	ActiveSA=2 ActiveTunnels=1 PendingKeyOperations=0
row_is "right: the same" right lab \
	TunnelBytesReceived=$total ConfidentialBytesReceived=$total TunnelBytesSent=0 \
	ReKeys=$REKEYS KeyAdditions=$((2 * REKEYS + 2)) KeyDeletions=$((2 * REKEYS)) \
	ActiveSA=2 ActiveTunnels=1 PendingKeyOperations=0 \
	PacketsWithReplayDetection="$sent"

# The end of the tunnel with traffic, as in the scenario "rekey". A connection that is
# only terminated would be established again for the next datagram, by a policy that
# pluto keeps. Until that is deleted as well, some datagrams find no SA.
start_flow there udp INNER left right --size 700 --pause 0.002 --tolerant
eventually 60 sent_more_than left $((total + 100 * PACKET))
whack left --name lab --delete
eventually 60 active left 0
eventually 60 active right 0
end_flow there
sent=${FLOW[packets_sent]} received=${FLOW[packets_received]}
late=$(($(xfrm_stat right XfrmInNoPols) + $(xfrm_stat right XfrmInTmplMismatch)))
lost=$(xfrm_stat right XfrmInNoStates)
unsent=$(xfrm_stat left XfrmOutNoStates)
is "each datagram is accounted for" $((received + late + lost + unsent)) "$sent"
row_is "left: the deletion lost nothing" left lab \
	TunnelBytesSent=$((total + (sent - unsent) * PACKET)) ReKeys=$REKEYS \
	KeyAdditions=$((2 * REKEYS + 2)) KeyDeletions=$((2 * REKEYS + 2)) \
	ActiveSA=0 ActiveTunnels=0
row_is "right: the deletion lost nothing" right lab \
	TunnelBytesReceived=$((total + (received + late) * PACKET)) ReKeys=$REKEYS \
	KeyAdditions=$((2 * REKEYS + 2)) KeyDeletions=$((2 * REKEYS + 2)) \
	ActiveSA=0 BadSPIPackets="$lost"
sums_close "the end" left lab
sums_close "the end" right lab
