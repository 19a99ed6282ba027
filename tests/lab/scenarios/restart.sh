# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# qmipsecd and its master end and start with traffic: a reload, SIGTERM, kill -9, a
# rekey while the daemon is down, a damaged state, another snmpd.
# limit: 900

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

STATE=/tmp/lab/qmipsecd-left/qmipsecd.state
LOG=$LOGS/qmipsecd-left.log
OUT=$((700 + 8)) # bytes of a datagram in transport mode, from left
IN=$((300 + 8))	 # and to left

discontinuity() { get left "$ROOT.1.1.1.14.3.108.97.98"; }
start() { start_qmipsecd left "$CONF"; }
saved_since() { [ "$STATE" -nt "$1" ]; }

# save: waits until the present numbers are saved.
save()
{
	touch /tmp/lab/stamp
	eventually 60 saved_since /tmp/lab/stamp
}

# flows, flows_end: datagrams both ways between the two, with proof of arrival.
flows()
{
	start_flow there udp ADDR left right --size 700 --pause 0.005
	start_flow back udp ADDR right left --size 300 --pause 0.005 --port 7778
	sleep 1
}

flows_end()
{
	end_flow there
	is "$1: all datagrams to right arrived" "${FLOW[packets_received]}" "${FLOW[packets_sent]}"
	sent=$((sent + FLOW[packets_received] * OUT))
	end_flow back
	is "$1: all datagrams to left arrived" "${FLOW[packets_received]}" "${FLOW[packets_sent]}"
	received=$((received + FLOW[packets_received] * IN))
}

# some COUNT: as many datagrams to right, half as many to left.
some()
{
	traffic udp ADDR left right --size 700 --count "$1" \
		--back-size 300 --back-count "$(($1 / 2))" >/dev/null
}

sent=0 received=0 additions=2 rekeys=0
exact()
{
	row_is "$1: $sent bytes sent, $received received" left lab \
		ConfidentialBytesSent=$sent TransportBytesSent=$sent \
		ConfidentialBytesReceived=$received TransportBytesReceived=$received \
		PacketsWithReplayDetection="${2:-$((received / IN))}" \
		KeyAdditions=$additions KeyDeletions=$((additions - 2)) \
		ReKeys=$rekeys ActiveSA=2
}

# The difference between two times of one moment, in ticks: with each connection
# qmipsecd reads sysUpTime again, which is late by the duration of the answer. Real
# changes here are larger.
OFF=100

# near TEXT THEN: DiscontinuityTime has not changed, as far as qmipsecd can know.
near()
{
	local now

	now=$(discontinuity)
	if [ "$now" -ge $(($2 - OFF)) ] && [ "$now" -le $(($2 + OFF)) ]; then
		pass "$1: DiscontinuityTime has not changed: $2, $now"
	else
		fail "$1: DiscontinuityTime has not changed" "it was $2, it is $now"
	fi
}

# moved TEXT THEN
moved()
{
	local now

	now=$(discontinuity)
	if [ "$now" -gt $(($2 + OFF)) ]; then
		pass "$1: DiscontinuityTime changed: $2, $now"
	else
		fail "$1: DiscontinuityTime changed" "it was $2, it is $now"
	fi
}

wire left right
CONF=$(config left "saveInterval 1" "instance lab local ${ADDR[left.4]}")
start_snmpd left
start
sa_pair left right 0x100 reqid=7
policy left right ADDR 4 "esp transport reqid 7"
some 10
sent=$((10 * OUT)) received=$((5 * IN))
exact "at the start"
first=$(discontinuity)
start_watch left --strict

# --- reload, stop and start, kill -9 -------------------------------------------------

flows
for n in 1 2; do
	config left "saveInterval 1" "instance lab local ${ADDR[left.4]}" \
		"instance other-$n remote 10.9.9.9" >/dev/null
	kill -HUP "$(</tmp/lab/qmipsecd-left.pid)"
	eventually 60 row left "other-$n" ActiveSA
done
flows_end "SIGHUP"
exact "SIGHUP, twice"
near "SIGHUP" "$first"

flows
stop qmipsecd-left
start
sleep 0.5
flows_end "SIGTERM and start"
exact "SIGTERM and start"
near "SIGTERM and start" "$first"

flows
save
sleep 0.4
crash qmipsecd-left
sleep 0.3
start
flows_end "kill -9 and start"
exact "kill -9 and start"
# Nothing was lost, but an SA could have been added and deleted unseen.
moved "kill -9 and start" "$first"
first=$(discontinuity)

# Repeatedly: each start reads what the one before saved.
flows
for n in 1 2 3 4; do
	stop qmipsecd-left
	start
	save
	crash qmipsecd-left
	start
done
flows_end "eight restarts"
exact "eight restarts"
moved "eight restarts" "$first"
first=$(discontinuity)
end_watch "restarts"

# --- a rekey while the daemon is down ---------------------------------------------------------

# rekey OLD NEW: by hand. The younger SA is added before the older one is deleted.
rekey()
{
	local ns

	sa_pair left right "$2" reqid=7
	for ns in left right; do
		on $ns ip -batch - <<-END
			xfrm state delete src ${ADDR[left.4]} dst ${ADDR[right.4]} proto esp spi $1
			xfrm state delete src ${ADDR[right.4]} dst ${ADDR[left.4]} proto esp spi $(($1 + 1))
		END
	done
	additions=$((additions + 2)) rekeys=$((rekeys + 1))
}

sleep 2 # a fast machine would be back before OFF has passed
start_watch left --strict
stop qmipsecd-left
some 30 # lost: the old SA's, since the last sample
rekey 0x100 0x200
some 40
sent=$((sent + 40 * OUT)) received=$((received + 20 * IN))
start
exact "a rekey between SIGTERM and start: what lives is counted whole"
moved "a rekey between SIGTERM and start" "$first"
first=$(discontinuity)

# The daemon is down, but there was no traffic in between: nothing is lost.
stop qmipsecd-left
rekey 0x200 0x300
some 20
sent=$((sent + 20 * OUT)) received=$((received + 10 * IN))
start
exact "a rekey of SAs at rest: nothing is lost"
end_watch "a rekey between SIGTERM and start"

# qmipsecd is stopped: the kernel keeps its messages, so nothing is lost.
start_watch left --strict
first=$(discontinuity)
kill -STOP "$(</tmp/lab/qmipsecd-left.pid)"
for spi in 0x300 0x310 0x320; do
	some 20
	rekey $spi $((spi + 16))
done
some 20
kill -CONT "$(</tmp/lab/qmipsecd-left.pid)"
eventually 60 served left
sent=$((sent + 80 * OUT)) received=$((received + 40 * IN))
exact "three rekeys while qmipsecd stood still"
near "three rekeys while qmipsecd stood still" "$first"
end_watch "three rekeys while qmipsecd stood still"

# A crash: traffic since the save is counted again, except for deleted SAs. It had been
# served, so counters decrease, and DiscontinuityTime changes.
config left "saveInterval 3600" "instance lab local ${ADDR[left.4]}" >/dev/null
stop qmipsecd-left
start
start_watch left
some 30
row_is "shown, not saved" left lab ConfidentialBytesSent=$((sent + 30 * OUT))
crash qmipsecd-left
some 20
rekey 0x330 0x400
some 40
start
sent=$((sent + 40 * OUT)) received=$((received + 20 * IN))
exact "kill -9 and a rekey: what died is missing since the save, no more"
moved "kill -9 and a rekey" "$first"
end_watch "kill -9 and a rekey"

# --- another master ----------------------------------------------------------------------

start_watch left --strict
flows
stop snmpd-left
sleep 1
start_snmpd left
eventually 60 served left
flows_end "another snmpd"
exact "another snmpd" "$((received / IN))"
is "another snmpd: DiscontinuityTime is before its time" "$(discontinuity)" 0
flows
kill -9 "$(</tmp/lab/snmpd-left.pid)"
wait "$(</tmp/lab/snmpd-left.pid)" || true
start_snmpd left
eventually 60 served left
flows_end "snmpd killed"
exact "snmpd killed" "$((received / IN))"
is "snmpd killed: DiscontinuityTime is before its time" "$(discontinuity)" 0
# Both at once: the row has a time of an earlier master. After 10 s without the daemon, it
# would have another, so the daemon starts first.
stop snmpd-left
stop qmipsecd-left
launch_qmipsecd left "$CONF"
start_snmpd left
eventually 60 served left
exact "both restarted" "$((received / IN))"
is "both restarted: DiscontinuityTime is before snmpd's time" "$(discontinuity)" 0
rekey 0x400 0x500
exact "a rekey that was seen" "$((received / IN))"
is "a rekey that was seen does not change DiscontinuityTime" "$(discontinuity)" 0
end_watch "another snmpd"

# --- the state of another boot ---------------------------------------------------------------

# refused TEXT PATTERN: the start logs one line about the state, and counts from the
# kernel's live SAs.
refused()
{
	local before

	before=$(wc -l <"$LOG")
	start
	tail -n "+$((before + 1))" "$LOG" >/tmp/lab/said
	is "$1: one line says so" "$(grep -c "$2" /tmp/lab/said)" 1
	is "$1: and no other speaks of it" "$(grep -c state /tmp/lab/said)" 1
	exact_row "$1: all columns are the live SAs'" left lab
	moved "$1" 0
}

some 10
DAMAGED='qmipsecd.state is damaged, of another version'
stop qmipsecd-left
cp "$STATE" /tmp/lab/good.state
size=$(stat -c %s "$STATE")
printf '\377' | dd of="$STATE" bs=1 seek=$((size / 2)) conv=notrunc status=none
refused "one byte changed" "$DAMAGED"

stop qmipsecd-left
head -c $((size - 1)) /tmp/lab/good.state >"$STATE"
refused "one byte short" "$DAMAGED"

stop qmipsecd-left
: >"$STATE"
refused "empty" "$DAMAGED"

stop qmipsecd-left
{
	cat /tmp/lab/good.state
	echo
} >"$STATE"
refused "one byte more" "$DAMAGED"

stop qmipsecd-left
start_snmpd right
start_qmipsecd right "$(config right "instance lab local ${ADDR[right.4]}")"
stop qmipsecd-right
cp /tmp/lab/qmipsecd-right/qmipsecd.state "$STATE"
refused "another namespace's" "the saved state is of another boot or namespace"

stop qmipsecd-left
cp /tmp/lab/good.state "$STATE"
start
row_is "the valid one is loaded" left lab KeyAdditions=$additions ReKeys=$rekeys
