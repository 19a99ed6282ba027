# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# qmipsecd in the initial namespace watches all others. Their rows equal ip's numbers. A
# deleted namespace is closed at once, and continues if it appears again.
# limit: 1200

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

LOG=$LOGS/qmipsecd-init.log
STATE=/tmp/lab/qmipsecd-init
ALL=unattributed

# With the additional capability of examples/namespaces.conf.
SERVICE=("${SERVICE[@]//+net_admin/+net_admin,+sys_admin}")

names() { snmp walk init -Oqn "$ROOT.1.1.1.2" | wc -l; }
names_are() { [ "$(names)" = "$1" ]; }
active() { snmp get init -Oqve "QMIPSEC-MIB::qmIpsecInstanceActive.\"$1\""; }
no_state_of() { [ ! -e "$STATE/qmipsecd.$1.state" ]; }
no_wire() { ! on left ip link show to-right; }
saved_since() { [ "$STATE/qmipsecd.left.state" -nt "$1" ]; }

# exact_in TEXT NAMESPACE ROW [COLUMN=VALUE…]: one collection in the initial namespace,
# compared with ip in the other one.
exact_in()
{
	local text=$1 ns=$2 row=$3

	shift 3
	once init "$CONF" >/tmp/lab/once.json
	check "$text" oracle "$ns" compare \
		--json /tmp/lab/once.json --row "$row" "$@"
}

# xfrm_in TEXT NAMESPACE: its rows in the Xfrm table equal its xfrm_stat.
xfrm_in()
{
	local octets index

	read -ra octets < <(printf '%s' "$2" | od -An -v -tu1)
	printf -v index '.%d' "${#2}" "${octets[@]}"
	snmp walk init -Oqn "$ROOT.1.3.1.3$index" | awk '{ print $2 }' | sort -n >/tmp/lab/served
	# shellcheck disable=SC2016 # awk's own
	on "$2" awk '{ print $2 }' /proc/net/xfrm_stat | sort -n >/tmp/lab/wanted
	is "$1" "$(xargs </tmp/lab/served)" "$(xargs </tmp/lab/wanted)"
}

# cycles COMMAND…: runs netns.py, and sets ${TOOK[…]} to its output.
declare -A TOOK=()
cycles()
{
	local key value

	if ! python3 "$LAB/netns.py" "$@" --pid "$(</tmp/lab/qmipsecd-init.pid)" \
		--log "$LOG" >/tmp/lab/took 2>"$LOGS/netns.log"; then
		fail "$*" "$(cat "$LOGS/netns.log")"
	fi
	while IFS='=' read -r key value; do
		TOOK[$key]=$value
	done </tmp/lab/took
}

# --- real SAs in two other namespaces -----------------------------------------------------

wire left right
namespace init
sa_pair left right 0x100 mode=tunnel reqid=7
policy left right INNER 4 "esp tunnel reqid 7"
sa_pair left right 0x200 proto=ah
policy left right ADDR 4 "ah transport"
CONF=$(config init "namespace *" "saveInterval 1" \
	"instance lab namespace right reqid 7" \
	"instance gone namespace nowhere")
start_snmpd init
start_qmipsecd init "$CONF"
traffic udp INNER left right --count 40 --size 500 >/dev/null
traffic udp ADDR left right --count 30 --size 300 --back-count 10 --back-size 100 >/dev/null

exact_in "left is what ip says there" left "left/$ALL" \
	TunnelBytesSent=$((40 * 528)) TransportBytesSent=$((30 * 308)) \
	TransportBytesReceived=$((10 * 108)) ActiveSA=4
row_is "the daemon's own has nothing of it" init $ALL ActiveSA=0 KeyAdditions=0 \
	TunnelBytesSent=0 TransportBytesSent=0
row_is "left, over SNMP" init "left/$ALL" TunnelBytesSent=$((40 * 528)) \
	TransportBytesSent=$((30 * 308)) TransportBytesReceived=$((10 * 108)) ActiveSA=4
row_is "right's instance" init right/lab TunnelBytesReceived=$((40 * 528)) ActiveSA=2 \
	TransportBytesSent=0
row_is "the rest of right" init "right/$ALL" TransportBytesReceived=$((30 * 308)) \
	TransportBytesSent=$((10 * 108)) ActiveSA=2 TunnelBytesReceived=0
xfrm_in "left's own error counters" left
xfrm_in "right's own error counters" right
is "one line says that a namespace is missing" \
	"$(grep -c 'namespace nowhere: not in /run/netns yet' "$LOG")" 1

# Errors in one namespace do not count in another.
on right python3 - <<-END
	import socket
	with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ESP) as raw:
	    for _ in range(5):
	        raw.sendto(bytes.fromhex("0000dead") + bytes(64), ("127.0.0.1", 0))
END
row_is "packets of no SA in right" init right/lab BadSPIPackets=5
row_is "and none in left" init "left/$ALL" BadSPIPackets=0
xfrm_in "which right's error counters tell too" right

# --- kill -9 and restart ------------------------------------------------------------------

touch /tmp/lab/stamp
eventually 60 saved_since /tmp/lab/stamp
kill -9 "$(</tmp/lab/qmipsecd-init.pid)"
wait "$(</tmp/lab/qmipsecd-init.pid)" || true
traffic udp INNER left right --count 10 --size 500 >/dev/null
start_qmipsecd init "$CONF"
row_is "kill -9 and start: left goes on" init "left/$ALL" TunnelBytesSent=$((50 * 528)) \
	TransportBytesSent=$((30 * 308)) KeyAdditions=4 KeyDeletions=0
row_is "kill -9 and start: right goes on" init right/lab \
	TunnelBytesReceived=$((50 * 528)) KeyAdditions=2 KeyDeletions=0 BadSPIPackets=5

# --- a hundred namespaces -----------------------------------------------------------------

rows=$(names)
cycles cycle 0 1 --name cyc --packets 5 --errors 3
row_is "a namespace that appeared and disappeared" init "cyc/$ALL" ConfidentialBytesSent=$((5 * 108)) \
	BadSPIPackets=3 KeyAdditions=2 KeyDeletions=2 ActiveSA=0
is "its row is not active" "$(active "cyc/$ALL")" 2
WATCHED=cyc/$ALL start_watch init --strict
cycles cycle 1 99 --name cyc --packets 5 --errors 3
row_is "a hundred: each packet is counted once" init "cyc/$ALL" \
	ConfidentialBytesSent=$((100 * 5 * 108)) TransportBytesSent=$((100 * 5 * 108)) \
	BadSPIPackets=300 KeyAdditions=200 KeyDeletions=200 ActiveSA=0 ReKeys=0
end_watch "a hundred"
is "a hundred: no descriptor is left, nor nine tenths kept longer than half a second" \
	"$((${TOOK[nine_tenths_ms]:-9999} < 500))" 1
echo "let go within ${TOOK[slowest_ms]-} ms, memory grew by ${TOOK[memory_growth_kib]-} KiB"
# A leak of the buffer of each namespace would be 1,600 KiB, of a page 200 KiB. SNMP is
# served meanwhile, so the heap varies by some pages.
is "a hundred: memory does not grow" "$((${TOOK[memory_growth_kib]:-9999} <= 128))" 1
check "a hundred: one row more" eventually 60 names_are $((rows + 1))
is "a hundred: each was watched and closed" \
	"$(grep -c 'namespace cyc: watched' "$LOG") $(grep -c 'namespace cyc: gone' "$LOG")" \
	"100 100"
check "the next save removes its state" eventually 60 no_state_of cyc

# Of names that do not return the last 256 stay, and none of those without SAs.
cycles series 0 40 --name idle --sas 0
check "forty without an SA: no row" eventually 60 names_are $((rows + 1))
cycles series 0 270 --name g
check "270 with an SA: the last 256 stay" eventually 60 names_are $((rows + 256))
row_is "the last" init "g269/$ALL" KeyAdditions=1 KeyDeletions=1
refuse "the first" row init "g013/$ALL" KeyAdditions
refuse "nor the one before them" row init "cyc/$ALL" KeyAdditions
check "the first that stays" row init "g014/$ALL" KeyAdditions

# --- one with a wire to another -----------------------------------------------------------

traffic udp INNER left right --count 10 --size 500 >/dev/null
row_is "left, among all of that" init "left/$ALL" TunnelBytesSent=$((60 * 528)) ActiveSA=4
ip netns delete right
eventually 60 grep -q 'namespace right: gone' "$LOG"
row_is "right is gone" init right/lab TunnelBytesReceived=$((60 * 528)) ActiveSA=0 \
	KeyAdditions=2 KeyDeletions=2
check "and the wire in left, so right is really destroyed" eventually 60 no_wire
is "left's row is active" "$(active "left/$ALL")" 1
is "right's is not" "$(active right/lab)" 2
# Its addresses disappeared with the wire, so ip cannot show directions any more.
row_is "left keeps its numbers" init "left/$ALL" TunnelBytesSent=$((60 * 528)) \
	TransportBytesSent=$((30 * 308)) TransportBytesReceived=$((10 * 108)) \
	ActiveSA=4 KeyDeletions=0
