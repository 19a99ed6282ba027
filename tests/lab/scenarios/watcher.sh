# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Watching changes nothing: the kernel treats traffic without an SA in the same way with
# and without qmipsecd. And the rights and the time that qmipsecd needs.
# limit: 360

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

# changed COMMAND…: prints its output, then the increase of each xfrm_stat counter in
# both namespaces.
changed()
{
	local before ns

	before=$(for ns in left right; do on $ns cat /proc/net/xfrm_stat; done)
	"$@"
	for ns in left right; do
		on $ns cat /proc/net/xfrm_stat
	done | paste - <(echo "$before") | awk '{ print $1, $2 - $4 }'
}

# provoke: a policy, and traffic without an SA, with one, and without one again. Prints
# the numbers of datagrams that arrived and of SAs, and what changed.
provoke()
{
	changed steps
	flush left right
}

steps()
{
	policy left right ADDR 4 "esp transport reqid 7"
	traffic udp ADDR left right --count 3 --tolerant
	on left ip xfrm state count
	sa_pair left right 0x100 reqid=7
	traffic udp ADDR left right --count 10 --back-count 5 --tolerant
	on left ip xfrm state count
	on left ip xfrm state deleteall
	on right ip xfrm state deleteall
	traffic udp ADDR left right --count 3 --tolerant
	on left ip xfrm state count
}

# Voluntary switches only: preemption by other work is not a wake-up.
switches() { awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$1/status"; }
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# confined CAPABILITIES…: starts the daemon with only these.
confined()
{
	printf '#!/bin/sh\nexec setpriv --inh-caps=%s --bounding-set=%s %s "$@"\n' \
		"$1" "$1" /build/agent/qmipsecd >"/tmp/lab/confined"
	chmod 755 /tmp/lab/confined
}

wire left right
provoke >/tmp/lab/alone

# The daemon with the only capability that it needs, and frequent polls.
start_snmpd left
conf=$(config left "instance lab local ${ADDR[left.4]}" "pollInterval 0.1")
start_qmipsecd left "$conf"
pid=$(</tmp/lab/qmipsecd-left.pid)
is "its only capability is CAP_NET_ADMIN" \
	"$(awk '/^Cap(Prm|Eff)/ { print $2 }' "/proc/$pid/status" | sort -u)" \
	0000000000001000
# EXPIRE, SA, POLICY, MIGRATE; not ACQUIRE (1) nor AEVENTS (0x10).
is "it has joined the groups that change nothing" "$(netlink_groups left "$pid")" \
	"00000000 0000004e"
provoke >/tmp/lab/watched
check "SAs and xfrm_stat change in the same way with and without qmipsecd" \
	diff /tmp/lab/alone /tmp/lab/watched
row_is "and it has seen the SAs" left lab KeyAdditions=2 KeyDeletions=2 \
	ConfidentialBytesSent=$((10 * 1008)) ConfidentialBytesReceived=$((5 * 1008)) \
	PendingKeyOperations=0
grep -v ' 0$' /tmp/lab/watched # for people, in the log

# A listener that changes something, to show that the comparison detects it.
background listener left ip xfrm monitor acquire
eventually 60 listens left listener
provoke >/tmp/lab/listened
refuse "a listener to ACQUIRE would have shown" diff /tmp/lab/alone /tmp/lab/listened
is "because the kernel then makes larval SAs" \
	"$(grep -c 'SAD count 1' /tmp/lab/listened)" 2
stop listener

# Idle, at the default interval, and without requests, which cost time.
stop qmipsecd-left
echo "pollInterval 5" >>"$conf"
start_qmipsecd left "$conf"
pid=$(</tmp/lab/qmipsecd-left.pid)
before=$(switches "$pid") used=$(ticks "$pid")
sleep 10
woken=$(($(switches "$pid") - before)) used=$(($(ticks "$pid") - used))
check "idle: $woken wake-ups in 10 s" [ "$woken" -le 30 ]
# The time that the host gives to other processes counts as used.
check "idle: $used hundredths of a second of processor time in 10 s" [ "$used" -le 100 ]
stop qmipsecd-left

# Without that capability it cannot work.
confined -all
timeout 60 /tmp/lab/confined -f -Le -x /tmp/lab/snmpd-left/master -c "$conf" \
	--state-dir /tmp/lab/qmipsecd-left >/tmp/lab/refusal 2>&1 || status=$?
is "without CAP_NET_ADMIN it does not start, and says why" \
	"${status:-0} $(grep -c CAP_NET_ADMIN /tmp/lab/refusal)" "1 1"
