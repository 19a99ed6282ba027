# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A tunnel with TCP: many rekeys, an IKE rekey, terminate, a peer that stops
# answering, and a charon that is killed and started again beside its old SAs. After
# each step both ends agree to the byte with what the wire has carried.
# limit: 1260

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

# Many on one release; the others differ from it in other things than time.
REKEYS=50
[ "$LAB_SUITE" = trixie ] || REKEYS=20

logged() { grep -q "$2" "$LOGS/charon-$1-ike.log"; }

# step TEXT LEFT-COUNTS RIGHT-COUNTS: without traffic, both ends are right. The counts
# are the expected rekeys, additions, deletions and live SAs. The kernel's messages must
# agree; the wire has the bytes.
step()
{
	local ns counts

	read_tap
	for ns in left right; do
		counts=$2
		[ $ns = left ] || counts=$3
		tunnel_is "$1" $ns "$counts"
		is "$1, $ns: SAs that ip counts" "$(count_sas $ns)" "${counts##* }"
	done
}

# stream [option…]: TCP over the tunnel, until end_flow.
stream() { start_flow tcp tcp INNER left right --size 4096 --pause 0.05 "$@"; }

modprobe -q crypto_null || true
wire left right
tap left right
for ns in left right; do
	monitor $ns
	start_end $ns
	block_plain $ns
done

# Only left checks whether the peer is alive, and gives up after 2 + 2 · 8 s, since on a
# busy machine an answer can take seconds.
IKE_EXTRA[left]='dpd_delay = 2s'
CHARON_EXTRA='retransmit_tries = 1
	retransmit_timeout = 8.0
	retransmit_base = 1.0'
# Without a cipher, so that the wire can be read.
ESP=null-sha256
ike left right tunnel "${INNER[left.4]}/32" "${INNER[right.4]}/32"
ike_up left

# As long as nothing is lost, TCP's own formula gives the same.
stream
for n in $(seq $REKEYS); do
	old=$(out_spi left)
	ike_rekey left
	eventually 60 rekeyed left "$old"
done
echo "$REKEYS rekeys by second $SECONDS"
eventually 60 sas_are 2-2
end_flow tcp
a=$((REKEYS * 2))
step "$REKEYS rekeys" "$REKEYS $((a + 2)) $a 2" "$REKEYS $((a + 2)) $a 2"
is "$REKEYS rekeys: the wire carried what TCP sent" "${WIRE[left_sent]} ${WIRE[right_sent]}" \
	"$((FLOW[bytes_sent] + 20 * FLOW[packets_sent])) $((FLOW[back_bytes_sent] + 20 * FLOW[back_packets_sent]))"

stream
swan left --rekey --ike lab
eventually 60 logged left 'IKE_SA lab\[2\] rekeyed between'
eventually 60 logged right 'IKE_SA lab\[2\] rekeyed between'
sleep 1
end_flow tcp
step "an IKE rekey" "$REKEYS $((a + 2)) $a 2" "$REKEYS $((a + 2)) $a 2"

stream --tolerant
sleep 1
ike_down left
eventually 60 sas_are 0-0
a=$((a + 2))
step "terminate" "$REKEYS $a $a 0" "$REKEYS $a $a 0"
before=${WIRE[left_sent]}
ike_up left
eventually 60 sent_more_than left "$before"
end_flow tcp
step "initiate again" "$REKEYS $((a + 2)) $a 2" "$REKEYS $((a + 2)) $a 2"

# right does not answer: its charon is stopped, and datagrams need no answer.
start_flow udp udp INNER left right --size 700 --pause 0.01 --tolerant
kill -STOP "$(</tmp/lab/charon-right.pid)"
eventually 60 sas_are 0-2
end_flow udp
step "DPD clear" "$REKEYS $((a + 2)) $((a + 2)) 0" "$REKEYS $((a + 2)) $a 2"
kill -CONT "$(</tmp/lab/charon-right.pid)"
a=$((a + 2))
ike_up left
eventually 60 sas_are 2-2

stream --tolerant
sleep 1
kill -9 "$(</tmp/lab/charon-left.pid)"
wait "$(</tmp/lab/charon-left.pid)" || true
before=$(row left lab TunnelBytesSent)
eventually 60 sent_more_than left "$before"
end_flow tcp
step "kill -9 of charon: its orphans go on" "$REKEYS $((a + 2)) $a 2" "$REKEYS $((a + 2)) $a 2"

stream --tolerant
start_charon left
swan left --load-all --file /tmp/lab/charon-left/swanctl.conf
ike_up left
eventually 60 sas_are 4-2
before=$(row left lab TunnelBytesSent)
eventually 60 sent_more_than left "$before"
end_flow tcp
step "a new charon beside the orphans" "$REKEYS $((a + 4)) $a 4" \
	"$REKEYS $((a + 4)) $((a + 2)) 2"

ike_down left
eventually 60 sas_are 2-0
on left ip xfrm state deleteall
a=$((a + 4))
step "the end" "$REKEYS $a $a 0" "$REKEYS $a $a 0"
sums_close "the end" left lab
sums_close "the end" right lab
