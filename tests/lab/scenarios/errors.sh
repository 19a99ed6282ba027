# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Packets that IPsec must reject, injected in known numbers: columns 7 to 10 and
# ReplayFailures.
# limit: 360

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

wire left right

# inject [change…]: sends changed copies of recorded frames from the left end of the
# wire.
inject()
{
	python left inject send --iface to-right --file /tmp/lab/frames "$@"
}

# record COUNT: records the frames of so many datagrams of 100 bytes from left to right.
record()
{
	python left inject record --iface to-right --file /tmp/lab/frames -- \
		traffic udp --left left --right right \
		--source "${ADDR[left.4]}" --dest "${ADDR[right.4]}" --count "$1" --size 100
}

# end_sas: deletes them one by one, which shows the final counters; a flush does not.
end_sas()
{
	for ns in left right; do
		on $ns ip xfrm state deleteall
		on $ns ip xfrm policy flush
	done
}

# expect TEXT COLUMN=VALUE…: the row in right, which continues over all SAs below.
expect() { row_is "$1" right lab "${@:2}"; }

start_snmpd right
start_qmipsecd right "$(config lab "instance lab local ${ADDR[right.4]}")"

# GCM, a window of 32: 40 packets, so that the first 8 are older than the window.
sa_pair left right 0x100
policy left right ADDR 4 "esp transport"
is "40 frames recorded" "$(record 40)" 40
expect "before any error" BadSPIPackets=0 PacketsNotDecrypted=0 \
	PacketsNotAuthenticated=0 PacketsWithReplayDetection=40 ReplayFailures=0 \
	ConfidentialBytesReceived=$((40 * 108))

inject --spi 0xdead --count 11
inject --spi 0 --count 2
stat_is "unknown SPIs are XfrmInNoStates" right XfrmInNoStates 13
expect "13 packets with an unknown SPI" BadSPIPackets=13

inject --first 20 --count 7
inject --first 0 --count 5 # again and again: each is older than the window
stat_is "replays are XfrmInStateSeqError" right XfrmInStateSeqError 12
is "ip shows the 7 in the window" \
	"$(oracle right sum replay spi=256)" 7
is "ip shows the 5 older ones" \
	"$(oracle right sum replay_window spi=256)" 5
expect "12 replays" BadSPIPackets=13 ReplayFailures=12 PacketsWithReplayDetection=40

# The replay check comes first, so a later failure needs a new sequence number.
inject --seq 1000 --flip-icv --count 9
stat_is "a flipped ICV is XfrmInStateProtoError" right XfrmInStateProtoError 9
expect "9 packets with a flipped bit in the ICV" PacketsNotAuthenticated=9 \
	PacketsNotDecrypted=0 PacketsWithReplayDetection=40

# Long enough for the ESP header, too short for its contents.
inject --seq 1001 --cut 20 --count 4
expect "4 packets cut after the IV" PacketsNotAuthenticated=9 PacketsNotDecrypted=4

# Too short for the ESP header: the kernel counts it in a counter that no column uses.
inject --cut 6 --count 3
stat_is "a header cut short is XfrmInHdrError" right XfrmInHdrError 3
expect "3 packets with a cut header, in no column" BadSPIPackets=13 \
	PacketsNotAuthenticated=9 PacketsNotDecrypted=4 ReplayFailures=12
# shellcheck disable=SC2016 # awk's own
is "and the kernel counted nothing else" $((13 + 12 + 9 + 4 + 3)) \
	"$(on right awk '{ s += $2 } END { print s }' /proc/net/xfrm_stat)"

exact_row "so far every column is as ip shows it" right lab

# Another key at the receiver: the ICV of each packet fails.
end_sas
sa_pair left right 0x200 cipher=cbc badkey=auth
policy left right ADDR 4 "esp transport"
traffic udp ADDR left right --tolerant --count 6
expect "6 packets under a wrong authentication key" PacketsNotAuthenticated=15 \
	PacketsWithReplayDetection=40 ConfidentialBytesReceived=$((40 * 108))

# Without a window a replay is a normal packet, and no packet "contained a valid
# sequence number", since none is checked.
end_sas
sa_pair left right 0x300 window=0
policy left right ADDR 4 "esp transport"
record 10
inject --count 10
expect "10 packets and their replays without a window" \
	PacketsWithReplayDetection=40 ReplayFailures=12 \
	ConfidentialBytesReceived=$((40 * 108 + 20 * 108))

# AH as well; its length field is checked before its ICV.
end_sas
sa_pair left right 0x400 proto=ah
policy left right ADDR 4 "ah transport"
record 5
inject --count 5
inject --seq 100 --flip-icv --count 6
inject --seq 101 --ah-length 9 --count 7
expect "AH: replays, flipped bits, a wrong length" ReplayFailures=17 \
	PacketsNotAuthenticated=21 PacketsNotDecrypted=11 \
	PacketsWithReplayDetection=45 AuthenticatedBytesReceived=$((5 * 108))

# With a wrong encryption key and a valid ICV the kernel decrypts to garbage, and
# accepts what happens to end like padding. So only the sum is known. If the garbage
# looks like nested ESP or AH, the kernel also searches for its SPI.
end_sas
sa_pair left right 0x500 cipher=cbc badkey=enc
policy left right ADDR 4 "esp transport"
traffic udp ADDR left right --tolerant --count 20 --size 20
settled right
read -r undecrypted accepted < <(
	row right lab PacketsNotDecrypted PacketsWithReplayDetection
)
is "20 packets under a wrong encryption key" $((undecrypted - 11 + accepted - 45)) 20
expect "none of them failed its ICV" PacketsNotAuthenticated=21 KeyAdditions=10 \
	KeyDeletions=8 BadSPIPackets="$(xfrm_stat right XfrmInNoStates)"
is "the kernel's own sum of errors" \
	"$(xfrm_stat right XfrmInStateProtoError)" $((21 + undecrypted))
exact_once "--once shows the namespace's errors" right unattributed
