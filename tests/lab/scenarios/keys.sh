# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# No key stays in qmipsecd. After 1,000 polls and as many events with keys, none is in
# its memory, a core, its state, its log with all debug topics, or what it sends.
# Without the wiping, the search finds keys.
# limit: 900
# preload: nowipe.c

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

# Random, so that no table of a library contains them. The keys of the SAs are prefixes
# of these.
mapfile -t KEYS < <(python3 "$LAB/keys.py" make 2)
AEAD=${KEYS[0]:0:42} AUTH=${KEYS[1]}
STATE=/tmp/lab/qmipsecd-left/qmipsecd.state
LOG=$LOGS/qmipsecd-left.log # written by background
POLLS=1000

# search PLACE…
search() { python3 "$LAB/keys.py" search "$AEAD" "$AUTH" -- "$@"; }

# shellcheck disable=SC2329 # by check and refuse
found() {
	local status=0

	search "$@" || status=$?
	[ $status = 1 ]
}

# some COUNT FIRST, gone COUNT FIRST: commands for ip that add or delete so many SAs of
# both kinds.
some()
{
	local spi ends="src ${ADDR[left.4]} dst ${ADDR[right.4]} proto esp"

	for ((spi = $2; spi < $2 + 2 * $1; spi += 2)); do
		echo "xfrm state add $ends spi $spi aead rfc4106(gcm(aes)) $AEAD 128"
		echo "xfrm state add $ends spi $((spi + 1)) enc cbc(aes) ${AUTH:0:34}" \
			"auth-trunc hmac(sha256) $AUTH 128"
	done
}

gone()
{
	local spi

	for ((spi = $2; spi < $2 + 2 * $1; spi++)); do
		echo "xfrm state delete src ${ADDR[left.4]} dst ${ADDR[right.4]} proto esp spi $spi"
	done
}

polls()
{
	local n=0

	read -r n </tmp/lab/polls || true
	[ "${n:-0}" -ge "$1" ]
}

# start [ENVIRONMENT…]: over TCP, so that tcpdump sees what it sends.
start()
{
	rm -f /tmp/lab/notify /tmp/lab/polls
	echo 0 >/tmp/lab/polls
	background count init python3 "$LAB/keys.py" count /tmp/lab/notify /tmp/lab/polls
	eventually 60 test -S /tmp/lab/notify
	config lab "instance lab local ${ADDR[left.4]}" "pollInterval 0.1" "saveInterval 1" \
		>/dev/null
	mkdir -p /tmp/lab/qmipsecd-left
	ulimit -c unlimited
	background qmipsecd-left left env NOTIFY_SOCKET=/tmp/lab/notify "$@" "$QMIPSECD" \
		-f -Le -D all -x tcp:127.0.0.1:1705 -c /tmp/lab/lab.conf \
		--state-dir /tmp/lab/qmipsecd-left
	eventually 60 served left
}

# rest: stops all messages, so that none is being read.
rest()
{
	config lab "instance lab local ${ADDR[left.4]}" "pollInterval 3600" "maxAge 3600" \
		>/dev/null
	kill -HUP "$(</tmp/lab/qmipsecd-left.pid)"
	eventually 60 slow
	sleep 1 # for what snmpd still has to say
}

slow() { [ "$(snmp get left -OqUv "$ROOT.1.4.3.0")" = 3600000 ]; }

wire left right
mkdir -p /tmp/lab/snmpd-left/var
cat >/tmp/lab/snmpd-left/snmpd.conf <<-END
	agentaddress udp:127.0.0.1:1161
	master agentx
	agentXSocket tcp:127.0.0.1:1705
	view everything included .1
	rocommunity public 127.0.0.1 -V everything
END
echo /tmp/lab/core >/proc/sys/kernel/core_pattern
background snmpd-left left env SNMP_PERSISTENT_DIR=/tmp/lab/snmpd-left/var \
	snmpd -f -Lo -C -c /tmp/lab/snmpd-left/snmpd.conf
background capture left tcpdump -i lo -s 0 -U -w /tmp/lab/capture
eventually 60 test -s /tmp/lab/capture
some 10 0x1000 | on left ip -batch -
{
	some 5 0x2000
	gone 5 0x2000
} >/tmp/lab/churn

start
round=0
until polls $POLLS && [ $round -gt 100 ]; do # a round is 10 events
	ip -n left -batch /tmp/lab/churn
	((round++ % 20)) || snmp bulkwalk left "$ROOT" >/tmp/lab/walk
done
rest
is "it has these SAs" "$(snmp get left -OqUv "$ROOT.1.4.6.0")" 20
check "there were 1,000 polls" polls $POLLS
events=$(snmp get left -OqUv "$ROOT.1.4.7.0")
check "and 1,000 events: $events" test "$events" -ge 1000
pid=$(</tmp/lab/qmipsecd-left.pid)
check "its memory has no key" search "pid:$pid"
check "its state has none" search $STATE
check "what it sent has none" search /tmp/lab/capture /tmp/lab/walk
check "its log with all debugging has none" search "$LOG"
check "and the log is long" test "$(wc -l <"$LOG")" -gt 10000

kill -ABRT "$pid"
wait "$pid" || true
refuse "no core is left of it" ls /tmp/lab/core*
command sleep 60 >/tmp/lab/other &
eventually 30 grep -q sleep "/proc/$!/comm" # not the shell any more
kill -ABRT $!
wait $! || true
check "but other programs leave cores" ls /tmp/lab/core*
rm -f /tmp/lab/core*

# The search.
stop count
start "LD_PRELOAD=/out/nowipe.so"
eventually 60 polls 20
rest
check "without the wiping its memory has keys" found "pid:$(</tmp/lab/qmipsecd-left.pid)"
# shellcheck disable=SC2024
on left ip xfrm state >/tmp/lab/shown
check "and the search finds them in the output of ip" found /tmp/lab/shown
stop qmipsecd-left
