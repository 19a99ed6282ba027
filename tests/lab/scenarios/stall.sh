# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel delays qmipsecd: the first SA loads the modules of its cipher, which takes
# seconds, and XFRM's configuration is locked meanwhile. Afterwards the numbers must be
# up to date at once.
# limit: 300

LAZY=1
# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

wire left right
start_snmpd left
start_qmipsecd left "$(config lab "instance lab local ${ADDR[left.4]}")"

# Repeated requests, so that a poll is in progress when the lock is taken.
touch /tmp/lab/ask
while [ -e /tmp/lab/ask ]; do
	snmp get left "$ROOT.1.4.5.0" >>"$LOGS/asked.log" || true
done &
before=${EPOCHREALTIME/./}
sa_pair left right 0x100
held=$(((${EPOCHREALTIME/./} - before) / 1000))
rm /tmp/lab/ask
wait $!
policy left right ADDR 4 "esp transport"
# If the time of waiting for the lock counted as the cost of a poll, the next poll would
# be nine times as late.
# shellcheck disable=SC2034 # for lib.sh
WITHIN=$((held * 4 / 1000 + 1))
echo "the lock was held for $held ms"
exact_row "the new SAs show at once" left lab ActiveSA=2 KeyAdditions=2
traffic udp ADDR left right --count 10 --size 500
exact_row "and so does their traffic" left lab ConfidentialBytesSent=5080
on left ip xfrm state deleteall
row_is "and their end" left lab ActiveSA=0 KeyDeletions=2 ConfidentialBytesSent=5080
