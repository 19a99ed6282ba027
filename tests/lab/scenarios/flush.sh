# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Ends of SAs with few or no messages, and misleading messages: flushes, limits of bytes
# and time, the same SPI again in the same second, UPDSA of a live SA.
# limit: 900

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

PACKET=$((700 + 8)) # bytes of a datagram in transport mode

discontinuity() { get "$1" "$ROOT.1.1.1.14.3.108.97.98"; }

# between TEXT LEAST VALUE MOST
between()
{
	if [ "$2" -le "$3" ] && [ "$3" -le "$4" ]; then
		pass "$1: $2 <= $3 <= $4"
	else
		fail "$1" "not $2 <= $3 <= $4"
	fi
}

# flow [option…]: datagrams from left to right.
flow() { start_flow udp udp ADDR left right --size 700 --pause 0.002 "$@"; }

# sent and received: the bytes that the rows of left and right must have; additions and
# deletions: of both.
sent=0 received=0 additions=0 deletions=0
exact()
{
	row_is "$1, left: $sent bytes sent" left lab ConfidentialBytesSent="$sent" \
		TransportBytesSent="$sent" ConfidentialBytesReceived=0 ReKeys=0 \
		KeyAdditions=$additions KeyDeletions=$deletions \
		ActiveSA=$((additions - deletions))
	row_is "$1, right: $received bytes received" right lab \
		ConfidentialBytesReceived="$received" TransportBytesReceived="$received" \
		ConfidentialBytesSent=0 ReKeys=0 KeyAdditions=$additions \
		KeyDeletions=$deletions ActiveSA=$((additions - deletions))
}

wire left right
for ns in left right; do
	start_end $ns
done
policy left right ADDR 4 "esp transport"

# --- flush ------------------------------------------------------------------------

# Without traffic and just after a poll, nothing can be missing.
sa_pair left right 0x100
additions=2
traffic udp ADDR left right --count 50 --size 700 >/dev/null
sent=$((50 * PACKET)) received=$sent
exact "before a flush"
for ns in left right; do
	on $ns ip xfrm state flush
done
deletions=2
exact "flushed at rest"

# With traffic. What right received was carried by the SA in left. What left sent
# arrived in right, except for packets without an SA.
for n in 1 2 3; do
	was=$(discontinuity left)
	sa_pair left right $((0x100 + n * 16))
	flow --tolerant
	sleep 0.5
	sampled=$(row left lab ConfidentialBytesSent)
	sleep "0.$n"
	on left ip xfrm state flush
	end_flow udp
	sent=$((sent + FLOW[packets_received] * PACKET))
	received=$((received + FLOW[packets_received] * PACKET))
	additions=$((additions + 2)) deletions=$((deletions + 2))
	settled left
	read -r counted added deleted active < <(
		row left lab ConfidentialBytesSent KeyAdditions KeyDeletions ActiveSA
	)
	between "flush $n under traffic: no more than was carried since the last sample is lost" \
		"$sampled" "$counted" "$sent"
	echo "flush $n: $((sent - counted)) bytes lost of $((sent - sampled)) since the sample"
	is "flush $n under traffic: keys" "$added $deleted $active" "$additions $deletions 0"
	between "flush $n under traffic: DiscontinuityTime changed" $((was + 1)) \
		"$(discontinuity left)" 100000000
	sent=$counted
	on right ip xfrm state deleteall
	exact "after flush $n, which right did not see"
done

was=$(discontinuity right)
sa_pair left right 0x200
unmet=$(xfrm_stat right XfrmInNoStates)
flow --tolerant
sleep 0.5
sampled=$(row right lab ConfidentialBytesReceived)
sleep 0.2
on right ip xfrm state flush
sleep 0.2
end_flow udp
unmet=$(($(xfrm_stat right XfrmInNoStates) - unmet))
is "each datagram is accounted for" $((FLOW[packets_received] + unmet)) "${FLOW[packets_sent]}"
sent=$((sent + FLOW[packets_sent] * PACKET))
received=$((received + FLOW[packets_received] * PACKET))
additions=$((additions + 2)) deletions=$((deletions + 2))
settled right
counted=$(row right lab ConfidentialBytesReceived)
between "a flush at the receiving end" "$sampled" "$counted" "$received"
between "a flush at the receiving end: DiscontinuityTime changed" $((was + 1)) \
	"$(discontinuity right)" 100000000
received=$counted
on left ip xfrm state deleteall
exact "after the flush at the receiving end"

# --- limits -------------------------------------------------------------------------

# The packet after the limit is not carried: 15 packets reach 10,000 bytes.
sa left right 0x300 ends=left "limit=byte-hard 10000"
sa left right 0x300 ends=right
sa right left 0x301
additions=$((additions + 2))
traffic udp ADDR left right --count 15 --size 700 >/dev/null
sent=$((sent + 15 * PACKET)) received=$((received + 15 * PACKET))
exact "15 packets under a limit of 10,000 bytes"
is "left has two SAs" "$(count_sas left)" 2
traffic udp ADDR left right --count 3 --size 700 --tolerant >/tmp/lab/over
is "over the limit nothing is sent" "$(grep -c ^packets_received=0 /tmp/lab/over)" 1
is "left has one SA" "$(count_sas left)" 1
on left ip xfrm state deleteall
on right ip xfrm state deleteall
deletions=$((deletions + 2))
exact "the hard limit of bytes at the sender"

sa left right 0x310 ends=left
sa left right 0x310 ends=right "limit=byte-hard 10000"
sa right left 0x311
additions=$((additions + 2))
traffic udp ADDR left right --count 20 --size 700 --tolerant >/tmp/lab/over
is "15 packets came through, 5 were sent for nothing" \
	"$(grep -E '^packets_(sent|received)' /tmp/lab/over | xargs)" \
	"packets_sent=20 packets_received=15"
sent=$((sent + 20 * PACKET)) received=$((received + 15 * PACKET))
on left ip xfrm state deleteall
on right ip xfrm state deleteall
deletions=$((deletions + 2))
exact "the hard limit of bytes at the receiver"

# Soft limits do not end an SA. Time ends the SA of the sender during traffic.
for n in 1 2; do
	start_watch left --strict
	sa left right $((0x310 + n * 16)) ends=left \
		"limit=time-hard 5 limit time-soft 1 limit byte-soft 2000"
	sa left right $((0x310 + n * 16)) ends=right
	sa right left $((0x311 + n * 16))
	additions=$((additions + 2))
	flow --tolerant --pause 0.003
	while [ "$(count_sas left)" = 2 ]; do
		sleep 0.1
	done
	end_flow udp
	end_watch "a hard limit of time, $n"
	sent=$((sent + FLOW[packets_received] * PACKET))
	received=$((received + FLOW[packets_received] * PACKET))
	on left ip xfrm state deleteall
	on right ip xfrm state deleteall
	deletions=$((deletions + 2))
	exact "a hard limit of time under traffic, $n"
done

# --- the same SPI again -------------------------------------------------------------

# again NAMESPACE SPI TIMES PAUSE: deletes an SA from left to right and adds it again
# with the same SPI, repeatedly.
again()
{
	local n line

	line=$(sa_line "$1" left right "$2" window=0)
	for n in $(seq "$3"); do
		echo "xfrm state delete src ${ADDR[left.4]} dst ${ADDR[right.4]} proto esp spi $2"
		echo "$line"
		sleep "$4"
	done | on "$1" ip -batch -
}

for ns in left right; do
	sa left right 0x400 window=0
	sa right left 0x401
	additions=$((additions + 2))
	unmet=$(xfrm_stat right XfrmInNoStates)
	start_watch $ns --strict
	flow --tolerant --pause 0.001
	again $ns 0x400 20 0.13
	again $ns 0x400 20 0
	sleep 0.3
	end_flow udp
	end_watch "the same SPI 40 times in $ns"
	unmet=$(($(xfrm_stat right XfrmInNoStates) - unmet))
	# A datagram that was accepted without an SA can be lost. One that an SA carried
	# reached the other end, with or without an SA there. At least one for each
	# time, or there was too little traffic.
	between "the same SPI 40 times in $ns: datagrams that an SA took" 40 \
		$((FLOW[packets_received] + unmet)) "${FLOW[packets_sent]}"
	sent=$((sent + (FLOW[packets_received] + unmet) * PACKET))
	received=$((received + FLOW[packets_received] * PACKET))
	# The other end did not see the changes.
	other=right
	[ $ns = left ] || other=left
	row_is "the same SPI 40 times in $ns: keys" $ns lab \
		KeyAdditions=$((additions + 40)) KeyDeletions=$((deletions + 40))
	row_is "the same SPI 40 times in $ns: none in $other" $other lab \
		KeyAdditions=$additions KeyDeletions=$deletions
	row_is "the same SPI 40 times in $ns: bytes sent" left lab ConfidentialBytesSent="$sent"
	row_is "the same SPI 40 times in $ns: bytes received" right lab \
		ConfidentialBytesReceived="$received"
	# Makes the counts equal in both again.
	again $other 0x400 40 0
	additions=$((additions + 40)) deletions=$((deletions + 40))
	exact "the same SPI 40 times in $other too"
	on left ip xfrm state deleteall
	on right ip xfrm state deleteall
	deletions=$((deletions + 2))
	exact "and their end"
done

# The same after flushes: the new SA can have the key and the second of a flushed one,
# and only the order of the messages distinguishes them.
sa left right 0x480 window=0
sa right left 0x481
line=$(sa_line left left right 0x480 window=0)
sampled=$sent
flow --tolerant --pause 0.002
sleep 1
for n in $(seq 10); do
	echo "xfrm state flush"
	echo "$line"
	sleep 0.15
done | on left ip -batch -
sleep 0.2
end_flow udp
sent=$((sent + FLOW[packets_received] * PACKET))
received=$((received + FLOW[packets_received] * PACKET))
settled left
read -r counted added deleted active < <(
	row left lab ConfidentialBytesSent KeyAdditions KeyDeletions ActiveSA
)
is "the same SPI after each of ten flushes: keys" "$added $deleted $active" \
	"$((additions + 12)) $((deletions + 11)) 1"
live=$(oracle left sum bytes spi=$((0x480)))
between "the same SPI after each of ten flushes: the last SA is counted whole" \
	$((sampled + live)) "$counted" "$sent"
sent=$counted
on left ip xfrm state deleteall
on right ip xfrm state deleteall
row_is "the end of the last" left lab KeyAdditions=$((additions + 12)) \
	KeyDeletions=$((deletions + 12)) ActiveSA=0 ConfidentialBytesSent="$sent"
# Ten more in right, so that the counts are equal in both again.
sa left right 0x490 ends=right
again right 0x490 9 0
on right ip xfrm state deleteall
additions=$((additions + 12)) deletions=$((deletions + 12))
exact "and in right as many deletions"

# --- UPDSA of a live SA -----------------------------------------------------------------

sa_pair left right 0x500
additions=$((additions + 2))
updated() { [ "$(grep -c ^Updated "$LOGS/updates-$1.log")" -ge "$2" ]; }
for ns in left right; do
	background updates-$ns $ns stdbuf -oL ip -rcvbuf 16777216 xfrm monitor nokeys SA
	eventually 60 listens $ns updates-$ns
done
start_watch left --strict
flow
for n in $(seq 10); do
	for ns in left right; do
		{
			sa_line $ns left right 0x500 "limit=time-hard $((1000 + n))"
			sa_line $ns right left 0x501
		} | sed 's/ state add / state update /' | on $ns ip -batch -
	done
done
end_flow udp
end_watch "UPDSA of live SAs"
for ns in left right; do
	eventually 60 updated $ns 20 || true
	stop updates-$ns
	is "$ns: 20 messages of UPDSA" "$(grep -c ^Updated "$LOGS/updates-$ns.log")" 20
done
is "all datagrams arrived" "${FLOW[packets_received]}" "${FLOW[packets_sent]}"
sent=$((sent + FLOW[packets_sent] * PACKET))
received=$((received + FLOW[packets_received] * PACKET))
exact "UPDSA of live SAs changes nothing"
on left ip xfrm state deleteall
on right ip xfrm state deleteall
deletions=$((deletions + 2))
exact "the end"
