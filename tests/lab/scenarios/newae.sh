# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A dataplane beside XFRM publishes its counters: XFRM_MSG_NEWAE sets bytes, packets and
# add_time of an SA, without a message to the daemon.
# limit: 900

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

discontinuity() { get left "$ROOT.1.1.1.14.3.108.97.98"; }
xfrm() { python left xfrm "$@"; }

# publish BYTES [option…]: of the SA from left to right.
publish() { xfrm publish 0x100 "${ENDS[@]}" --bytes "$1" --packets $(($1 / 100)) "${@:2}"; }

wire left right
ENDS=(--source "${ADDR[left.4]}" --dest "${ADDR[right.4]}")
start_snmpd left
conf=$(config left "instance lab local ${ADDR[left.4]}")
start_qmipsecd left "$conf"
xfrm add 0x100 "${ENDS[@]}"
row_is "an SA" left lab KeyAdditions=1 KeyDeletions=0 ConfidentialBytesSent=0
was=$(discontinuity)

# Each with a different add_time in the past, the last one with the present time.
start_watch left
for n in $(seq 8); do
	publish $((n * 1000)) --add-time $((1600000000 + n))
	eventually 60 row_has left lab ConfidentialBytesSent $((n * 1000))
done
publish 8000
end_watch "eight publications of 1,000 bytes"
is "the kernel shows another add_time" \
	"$(on left ip -s xfrm state | grep -c '8000(bytes), 80(packets)')" 1
row_is "all eight" left lab ConfidentialBytesSent=8000 TransportBytesSent=8000 \
	KeyAdditions=1 KeyDeletions=0 ActiveSA=1
is "DiscontinuityTime has not changed" "$(discontinuity)" "$was"

# Set back: it continues from there, with a discontinuity.
publish 3000
settled left
publish 3500
row_is "set back to 3,000 and on to 3,500" left lab ConfidentialBytesSent=8500 \
	KeyAdditions=1 KeyDeletions=0 ActiveSA=1
check "DiscontinuityTime changed" [ "$(discontinuity)" -gt "$was" ]
was=$(discontinuity)

# strongSwan's address change, with the published counters and time.
publish 4000 --add-time 1600000100
xfrm move 0x100 "${ENDS[@]}" --to-source "${INNER[left.4]}" --to-dest "${INNER[right.4]}"
row_is "moved" left lab ConfidentialBytesSent=9000 KeyAdditions=1 KeyDeletions=0 ActiveSA=1
ENDS=(--source "${INNER[left.4]}" --dest "${INNER[right.4]}")
is "a move is no discontinuity" "$(discontinuity)" "$was"

# Published while the daemon is down: probably the same SA, but not certainly.
stop qmipsecd-left
publish 5000 --add-time 1600000200
start_qmipsecd left "$conf"
row_is "published between two daemons" left lab ConfidentialBytesSent=10000 \
	KeyAdditions=1 KeyDeletions=0 ActiveSA=1

publish 5500 --add-time 1600000300
xfrm delete 0x100 "${ENDS[@]}"
row_is "deleted" left lab ConfidentialBytesSent=10500 KeyAdditions=1 KeyDeletions=1 \
	ActiveSA=0
