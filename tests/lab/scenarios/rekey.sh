# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Rekeys and a deletion with steady traffic: nothing is lost, nothing counts twice.
# limit: 450

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh


REKEYS=5
PACKET=$((700 + 8 + 20)) # bytes of a datagram in tunnel mode

wire left right
for ns in left right; do
	start_end $ns
	block_plain $ns
done
ike left right tunnel "${INNER[left.4]}/32" "${INNER[right.4]}/32"
ike_up left

# flow_start [option…], flow_end: datagrams without a pause; flow_end sets $sent and
# $received to their numbers.
flow_start() { start_flow udp udp INNER left right --size 700 --pause 0.002 "$@"; }

flow_end()
{
	end_flow udp
	sent=${FLOW[packets_sent]} received=${FLOW[packets_received]}
}

flow_start
for n in $(seq $REKEYS); do
	old=$(out_spi left)
	before=$(row left lab TunnelBytesSent)
	ike_rekey left
	eventually 60 rekeyed left "$old"
	eventually 60 sent_more_than left "$before"
	pass "rekey $n: the counter continues from $before"
done
flow_end
eventually 60 sas_are 2-2

is "all datagrams arrived" "$received" "$sent"
total=$((sent * PACKET))
row_is "left: all of $sent datagrams over $((REKEYS + 1)) SAs" left lab \
	TunnelBytesSent=$total ConfidentialBytesSent=$total TunnelBytesReceived=0 \
	ReKeys=$REKEYS KeyAdditions=$((2 * REKEYS + 2)) KeyDeletions=$((2 * REKEYS)) \
	ActiveSA=2 ActiveTunnels=1
row_is "right: the same" right lab \
	TunnelBytesReceived=$total ConfidentialBytesReceived=$total TunnelBytesSent=0 \
	ReKeys=$REKEYS KeyAdditions=$((2 * REKEYS + 2)) KeyDeletions=$((2 * REKEYS)) \
	ActiveSA=2 ActiveTunnels=1 PacketsWithReplayDetection="$sent"

# The end of the tunnel with traffic. A datagram can then reach a peer without its
# policy (it counts, since the SA carried it) or without its SA (it cannot count).
flow_start --tolerant
ike_down left
eventually 60 no_sa left
eventually 60 no_sa right
flow_end
late=$(($(xfrm_stat right XfrmInNoPols) + $(xfrm_stat right XfrmInTmplMismatch)))
lost=$(xfrm_stat right XfrmInNoStates)
is "each datagram is accounted for" $((received + late + lost)) "$sent"
row_is "left: the deletion lost nothing" left lab \
	TunnelBytesSent=$((total + sent * PACKET)) ReKeys=$REKEYS \
	KeyDeletions=$((2 * REKEYS + 2)) ActiveSA=0 ActiveTunnels=0
row_is "right: the deletion lost nothing" right lab \
	TunnelBytesReceived=$((total + (received + late) * PACKET)) ReKeys=$REKEYS \
	KeyDeletions=$((2 * REKEYS + 2)) ActiveSA=0 BadSPIPackets="$lost"
sums_close "the end" left lab
sums_close "the end" right lab
