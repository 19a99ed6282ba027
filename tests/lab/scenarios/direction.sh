# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Since Linux 6.10 an SA can declare its direction (XFRMA_SA_DIR), as strongSwan 6 makes
# all of its own do. It then counts where neither address nor policy tells the direction,
# and a packet that goes the other way is an error with a name of its own.
# suites: trixie sid

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

HERE=192.0.2.1 THERE=198.51.100.1 # addresses of other hosts

# foreign SPI SOURCE DEST BYTES [DIRECTION]: an SA that has carried so much.
foreign()
{
	algorithms esp null ''
	# shellcheck disable=SC2086 # several arguments, one of them empty and in quotes
	echo "xfrm state add src $2 dst $3 proto esp spi $1 reqid 7 mode tunnel" \
		"$ALGORITHMS ${5:+dir $5}" | on left ip -batch -
	python left xfrm publish "$1" --source "$2" --dest "$3" \
		--bytes "$4" --packets 1
}

wire left right
start_snmpd left
start_qmipsecd left "$(config left "instance lab reqid 7" \
	"instance near local ${ADDR[left.4]}")"

foreign 0x700 $HERE $THERE 700 out
foreign 0x701 $THERE $HERE 300 in
row_is "the declared direction counts" left lab ActiveSA=2 KeyAdditions=2 \
	ConfidentialBytesSent=700 TunnelBytesSent=700 \
	ConfidentialBytesReceived=300 TunnelBytesReceived=300
foreign 0x702 $HERE $THERE 5000
# Its outbound sequence number is 0 although it has carried bytes.
row_is "without one, the sequence number tells" left lab ActiveSA=3 KeyAdditions=3 \
	ConfidentialBytesSent=700 ConfidentialBytesReceived=5300

# Real packets over SAs that declare their direction at both ends.
sa_pair left right 0x100 mode=tunnel cipher=cbc dir=yes
policy left right INNER 4 "esp tunnel"
traffic udp INNER left right --count 10 --size 500
row_is "ten datagrams" left near TunnelBytesSent=$((10 * 528)) KeyAdditions=2

# The receiving end has the SA of these packets as one for sending.
sa left right 0x200 cipher=cbc reqid=9 dir=out
policy left right ADDR 4 "esp transport reqid 9"
before=$(xfrm_stat right XfrmInStateDirError)
on left bash -c 'for _ in 1 2 3; do echo >"/dev/udp/$1/9"; done' send "${ADDR[right.4]}"
stat_is "three packets against the direction" right XfrmInStateDirError $((before + 3))
# The table takes its names from the kernel.
start_snmpd right
start_qmipsecd right "$(config right)"
is "have a name in the Xfrm table" "$(snmp get right -OqvU \
	'QMIPSEC-MIB::qmIpsecXfrmValue.""."XfrmInStateDirError"')" 3
