# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# More events at once than can be read in time. With the default receive buffer, 10,000
# events are not lost. Losses are reported, and the totals are right afterwards.
# limit: 540

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

# sas add|delete|churn|larval FIRST COUNT: in left, without packets.
sas()
{
	python left xfrm "$@" --source "${ADDR[left.4]}" \
		--dest "${ADDR[right.4]}"
}

# frozen COMMAND…: runs it while the daemon is stopped, and not in a poll, so the kernel
# must keep all messages.
frozen()
{
	local pid

	settled left
	pid=$(</tmp/lab/qmipsecd-left.pid)
	kill -STOP "$pid"
	"$@"
	kill -CONT "$pid"
	eventually 120 all_read
}

# all_read: no message waits at an XFRM socket. A request makes a poll, so it must wait.
all_read()
{
	# shellcheck disable=SC2016 # awk's own
	on left awk '$2 == 6 && $5 != 0 { exit 1 }' /proc/net/netlink
}

sent() { [ "$(row left lab TransportBytesSent)" = "$1" ]; }
active() { [ "$(row left lab ActiveSA)" = "$1" ]; }

# agent NUMBER: a scalar of the daemon.
agent() { get left "$ROOT.1.4.$1.0"; }

discontinuity() { get left "$ROOT.1.1.1.14.3.108.97.98"; }

# consistent TEXT SAS: the levels equal the kernel's, the totals agree with them, and
# the SAs that existed all the time have lost nothing.
consistent()
{
	local additions deletions active

	eventually 120 active "$2" || true
	is "$1: the kernel's number of SAs" "$(count_sas left)" "$2"
	is "$1: the daemon's" "$(agent 6)" "$2"
	read -r additions deletions active < <(
		row left lab KeyAdditions KeyDeletions ActiveSA
	)
	is "$1: additions - deletions = active" \
		"$additions - $deletions = $active" \
		"$additions - $((additions - $2)) = $2"
	traffic udp ADDR left right --count 20 --size 500 >>"$LOGS/traffic.log"
	datagrams=$((datagrams + 20))
	# With many SAs a poll is expensive, and may only take a tenth of the time.
	eventually 60 sent $((datagrams * 508)) || true
	row_is "$1: bytes of what still lives" left lab ReKeys=0 \
		PendingKeyOperations=0 TransportBytesSent=$((datagrams * 508)) \
		ConfidentialBytesSent=$((datagrams * 508)) BadSPIPackets=0
}

wire left right
start_snmpd left
# Polls are for requests only. One that comes while 10,000 messages wait would resynchronise
# if reading them took more than 10 s, as it may on a busy machine.
conf=$(config lab "instance lab local ${ADDR[left.4]}" "pollInterval 3600")
start_qmipsecd left "$conf"
# With a reqid, so that its policy does not use the other SAs.
sa_pair left right 0x100 reqid=7
policy left right ADDR 4 "esp transport reqid 7"
traffic udp ADDR left right --count 50 --size 500 >"$LOGS/traffic.log"
datagrams=50

# Frozen, so that none is read before the last one was sent.
both() { sas add 0x10000 5000 && sas delete 0x10000 5000; }
frozen both
consistent "10,000 events" 2
is "10,000 events: none is lost" "$(agent 8) $(agent 9)" "0 0"
row_is "10,000 events: each is counted" left lab KeyAdditions=5002 KeyDeletions=5000

frozen sas larval 0x20000 10000
consistent "10,000 larval SAs deleted" 2
is "10,000 larval SAs deleted: nothing is lost" "$(agent 8) $(agent 9)" "0 0"
row_is "10,000 larval SAs deleted: no key was counted" left lab \
	KeyAdditions=5002 KeyDeletions=5000 PendingKeyOperations=0

# Here the daemon reads as fast as it can.
before=$(discontinuity)
sas churn 0x30000 50000
eventually 120 all_read
consistent "100,000 events" 2
if [ "$(agent 8)" = 0 ]; then
	row_is "100,000 events: none lost, each counted" left lab \
		KeyAdditions=55002 KeyDeletions=55000
	is "100,000 events: no discontinuity" "$(discontinuity)" "$before"
else
	check "100,000 events: $(agent 8) losses, reported" [ "$(agent 9)" -gt 0 ]
	check "100,000 events: a discontinuity" [ "$(discontinuity)" -gt "$before" ]
fi

# Now it must lose some. Its totals continue.
stop qmipsecd-left
echo "receiveBuffer 65536" >>"$conf"
start_qmipsecd left "$conf"
consistent "another start" 2
before=$(discontinuity)
many() { sas add 0x100000 10000 && sas churn 0x200000 5000; }
frozen many
consistent "20,000 events with a small buffer" 10002
check "20,000 events with a small buffer: $(agent 8) losses, $(agent 9) resyncs" \
	[ "$(agent 8)" -gt 0 -a "$(agent 9)" -gt 0 ]
check "20,000 events with a small buffer: a discontinuity" \
	[ "$(discontinuity)" -gt "$before" ]
sas delete 0x100000 10000
consistent "and 10,000 more" 2
