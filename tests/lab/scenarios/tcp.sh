# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# TCP with segmentation by the stack, compared with the sockets: no byte of a header or
# an acknowledgement is estimated. Also over a deletion and a new SA pair.
# limit: 300

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

wire left right
for ns in left right; do
	start_end $ns
done

# flow PLACE HEADER: 2.5 MB; adds to the bytes that each direction must have.
there=0 back=0
flow()
{
	traffic tcp "$1" left right --size 65536 --count 40 >/tmp/lab/tcp
	there=$((there + $(result bytes_sent) + $2 * $(result packets_sent)))
	back=$((back + $(result back_bytes_sent) + $2 * $(result back_packets_sent)))
}

result() { sed -n "s/^$1=//p" /tmp/lab/tcp; }

# exact TEXT COLUMN=VALUE…: both ends agree with TCP.
exact()
{
	row_is "$1, left" left lab ConfidentialBytesSent=$there \
		ConfidentialBytesReceived=$back "${@:2}"
	row_is "$1, right" right lab ConfidentialBytesSent=$back \
		ConfidentialBytesReceived=$there "${@:2}"
}

sa_pair left right 0x100
policy left right ADDR 4 "esp transport"
flow ADDR 0
exact "transport" ActiveSA=2

# Deleted one by one, which shows the final counters; a flush would not.
for ns in left right; do
	on $ns ip xfrm state deleteall
	on $ns ip xfrm policy flush
done
exact "deleted" ActiveSA=0 KeyDeletions=2

sa_pair left right 0x200 mode=tunnel
policy left right INNER 4 "esp tunnel"
flow INNER 20
exact "and a tunnel" ActiveSA=2 KeyAdditions=4 KeyDeletions=2 ActiveTunnels=1
