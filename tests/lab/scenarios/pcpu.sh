# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Since Linux 6.13 an SA can be for one processor (XFRMA_SA_PCPU): several SAs then carry
# the traffic of one policy at the same time. Each is an SA of its own, and counts.
# suites: sid

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

wire left right
start_snmpd left
start_qmipsecd left "$(config left "instance lab local ${ADDR[left.4]}")"
policy left right INNER 4 "esp tunnel reqid 5"
sa_pair left right 0x100 mode=tunnel cipher=cbc reqid=5
traffic udp INNER left right --count 10 --size 500
row_is "by the SA for every processor" left lab TunnelBytesSent=$((10 * 528)) \
	KeyAdditions=2 ActiveSA=2

# The kernel's only processor has a number of its own.
sa left right 0x200 mode=tunnel cipher=cbc reqid=5 pcpu=0 dir=yes
is "ip shows it" "$(on left ip xfrm state | grep -c 'pcpu-num 0')" 1
traffic udp INNER left right --count 20 --size 500
is "the kernel prefers the SA of the processor" "$(on left ip -s xfrm state |
	grep -c "$((20 * 528))(bytes), 20(packets)")" 1
exact_row "both SAs count" left lab TunnelBytesSent=$((30 * 528)) KeyAdditions=3 \
	ActiveSA=3
on left ip xfrm state delete src "${ADDR[left.4]}" dst "${ADDR[right.4]}" proto esp spi 0x200
row_is "and when it has gone" left lab TunnelBytesSent=$((30 * 528)) KeyAdditions=3 \
	KeyDeletions=1 ActiveSA=2
