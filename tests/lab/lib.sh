# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The functions for scenarios. A scenario runs as root in the guest, in the initial
# namespace, which has the name "init" wherever a namespace is named.

set -eEuo pipefail

LAB=/src/tests/lab
QMIPSECD=/build/agent/qmipsecd
# As its unit runs it: not as root, with one capability, and unable to gain more.
# shellcheck disable=SC2054 # setpriv's commas
SERVICE=(setpriv --reuid nobody --regid nogroup --clear-groups --no-new-privs
	--inh-caps -all,+net_admin --ambient-caps -all,+net_admin
	--bounding-set -all,+net_admin)
LOGS=/out/log
mkdir -p "$LOGS"

# --- results ------------------------------------------------------------------

pass() { echo "ok $*" >&3; }

# fail TEXT [DETAIL…]: continues, so that one run shows all failures.
fail()
{
	local line

	echo "not ok $1" >&3
	shift
	printf '%s\n' "$@" | while IFS= read -r line; do
		echo "    $line"
	done >&3
}

skip() { echo "skip $*" >&3; }

# is TEXT ACTUAL EXPECTED
is()
{
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "expected: $3" "actual:   $2"
	fi
}

# check TEXT COMMAND…: it succeeds; its output is shown if it does not.
check()
{
	local text=$1 output

	shift
	if output=$("$@" 2>&1); then
		pass "$text"
	else
		fail "$text" "$* ended with status $?" "$output"
	fi
}

# refuse TEXT COMMAND…: it must not succeed.
refuse()
{
	local text=$1 output

	shift
	if output=$("$@" 2>&1); then
		fail "$text" "$* succeeded" "$output"
	else
		pass "$text"
	fi
}

# A scenario that stops early has failed: guest and run see the status.
trap 'echo "stopped at ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND" >&2' ERR

# sleep SECONDS: without a program.
exec {NEVER}<> <(:)
sleep() { read -rt "$1" -u "$NEVER" || true; }

# eventually SECONDS COMMAND…: tries until it succeeds, ever more rarely: in User-mode
# Linux, which has one processor, each try takes time from what it waits for.
eventually()
{
	local end=$((SECONDS + $1)) delays=(0.05 0.1 0.2 0.4)

	shift
	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -gt "$end" ]; then
			echo "gave up waiting for: $*" >&2
			return 1
		fi
		sleep "${delays[0]}"
		[ ${#delays[@]} = 1 ] || delays=("${delays[@]:1}")
	done
}

# shellcheck source=tests/lab/server.sh
. "$LAB/server.sh"

# --- namespaces and wires -------------------------------------------------------

# Addresses by NAMESPACE.FAMILY, as in ${ADDR[left.4]}: those on the wire, and those
# behind it, which tunnels carry. (Arrays, because $(function) costs a fork, which is
# slow in User-mode Linux.)
declare -A ADDR=() INNER=()

# on NAMESPACE COMMAND… (ip enters a namespace itself, without another program)
on()
{
	local ns=$1

	shift
	case $ns,$1 in
	init,*) "$@" ;;
	*,ip) ip -n "$ns" "${@:2}" ;;
	*) ip netns exec "$ns" "$@" ;;
	esac
}

namespace()
{
	local n=$((${#ADDR[@]} / 2 + 1))

	ADDR[$1.4]=10.0.0.$n ADDR[$1.6]=fd00::$n
	INNER[$1.4]=172.16.$n.1 INNER[$1.6]=fd00:$n::1
	[ "$1" = init ] || ip netns add "$1"
	# Without duplicate address detection, addresses can be used at once. Without
	# SACK, each TCP segment has a header of 32 bytes, as the TCP oracle assumes.
	on "$1" sh -c 'cd /proc/sys/net
		echo 0 >ipv6/conf/default/accept_dad
		echo 0 >ipv4/tcp_sack
		exec ip -batch -' <<-END
		link set lo up
		address add ${INNER[$1.4]}/32 dev lo
		address add ${INNER[$1.6]}/128 dev lo
	END
}

# The first SA of a kind loads modules, and holds XFRM's lock for seconds meanwhile.
# This does so before the measurements. See the scenario "stall".
load_modules()
{
	local loader tests=/sys/module/cryptomgr/parameters/notests

	# Some are built in, or no longer modules, in one kernel or another.
	modprobe -qa esp4 ah4 esp6 ah6 ipcomp xfrm_user deflate gcm ctr ghash-generic \
		seqiv cbc authenc authencesn echainiv hmac \
		cryptomgr crypto-sha256 crypto-sha512 crypto-stdrng || true
	# Otherwise the kernel tests each cipher, and starts modprobe twice for each part of
	# its name, which takes ten times as long.
	[ ! -w $tests ] || echo 1 >$tests
	loader=$(</proc/sys/kernel/modprobe)
	echo >/proc/sys/kernel/modprobe
	ip netns add warm
	warm_up || {
		echo "$loader" >/proc/sys/kernel/modprobe
		warm_up
	}
	ip netns delete warm
	echo "$loader" >/proc/sys/kernel/modprobe
}

warm_up()
{
	local -A ADDR=([warm.4]=10.0.0.1)

	{
		echo "xfrm state flush"
		sa_line warm warm warm 1
		sa_line warm warm warm 2 cipher=cbc
		sa_line warm warm warm 3 proto=ah
	} | on warm ip -batch -
}

# wire LEFT RIGHT: makes both namespaces and a veth pair between them. The name of an
# interface is that of the other namespace.
wire()
{
	[ -n "${LAZY:-}" ] || load_modules
	namespace "$1"
	namespace "$2"
	cable "$1" "$2"
	wire_end "$1" "$2" 24 64
	wire_end "$2" "$1" 24 64
	eventually 60 on "$1" ping -c1 -W1 "${ADDR[$2.6]}"
}

# spoke HUB END: makes another namespace, and a wire to it from one that has a wire.
spoke()
{
	namespace "$2"
	cable "$1" "$2"
	wire_end "$2" "$1" 24 64
	on "$1" ip -batch - <<-END
		link set to-$2 up
		route add ${ADDR[$2.4]} dev to-$2
		route add ${ADDR[$2.6]} dev to-$2
	END
	wire_end "$1" "$2" 32 128
	eventually 60 on "$1" ping -c1 -W1 "${ADDR[$2.6]}"
}

cable()
{
	if [ "$2" = init ]; then
		on "$1" ip link add to-init type veth peer name "to-$1" netns 1
	else
		on "$1" ip link add "to-$2" type veth peer name "to-$1" netns "$2"
	fi
}

# wire_end NAMESPACE OTHER LENGTH4 LENGTH6: with addresses of these prefix lengths.
wire_end()
{
	on "$1" ip -batch - <<-END
		address add ${ADDR[$1.4]}/$3 dev to-$2
		address add ${ADDR[$1.6]}/$4 dev to-$2 nodad
		link set to-$2 up
		route add ${INNER[$2.4]} via ${ADDR[$2.4]} src ${INNER[$1.4]}
		route add ${INNER[$2.6]} via ${ADDR[$2.6]} src ${INNER[$1.6]}
	END
}

# tap LEFT RIGHT: counts the ESP on their wire from now on, see wire.py.
tap()
{
	mkdir -p /tmp/lab/tap
	python_start tap /tmp/lab/tap/log init wire --left "$1" "to-$2" \
		--right "$2" "to-$1" --dir /tmp/lab/tap
	eventually 60 test -e /tmp/lab/tap/ready
}

# read_tap: sets ${WIRE[left_sent]} and so on to what the wire has carried. There must
# be no traffic meanwhile.
read_tap()
{
	local key value

	rm -f /tmp/lab/tap/report
	touch /tmp/lab/tap/ask
	eventually 60 test -e /tmp/lab/tap/report
	while IFS='=' read -r key value; do
		WIRE[$key]=$value
	done </tmp/lab/tap/report
	[ -z "${WIRE[error]:-}" ] || fail "the wire was counted" "${WIRE[error]}"
}

declare -A WIRE=()

# count_frames NAME NAMESPACE IFACE [option of frames.py…]: counts the ESP frames that
# leave there from now on; frames NAME prints their number.
count_frames()
{
	python_start "frames-$1" "/tmp/lab/frames-$1.log" "$2" frames --iface "$3" \
		--file "/tmp/lab/frames-$1" "${@:4}"
	eventually 60 test -e "/tmp/lab/frames-$1"
}

frames()
{
	rm "/tmp/lab/frames-$1"
	kill -USR1 "$(<"/tmp/lab/frames-$1.pid")"
	eventually 60 test -e "/tmp/lab/frames-$1"
	echo "$(<"/tmp/lab/frames-$1")"
}

# traffic udp|tcp ADDR|INNER LEFT RIGHT [options of traffic.py…]: known traffic between
# two addresses of FAMILY (4 or 6). Prints what it sent.
traffic()
{
	traffic_words "$@"
	python init "${WORDS[@]}"
}

# traffic_words and the arguments of traffic: sets WORDS to the command.
traffic_words()
{
	local left=$3 right=$4 family=${FAMILY:-4}
	local -n place=$2

	WORDS=(traffic "$1" --left "$left" --right "$right"
		--source "${place[$left.$family]}" --dest "${place[$right.$family]}" "${@:5}")
}

# A flow is endless traffic in the background. start_flow NAME and the arguments of
# traffic.
start_flow()
{
	local file=/tmp/lab/flow-$1

	: >"$file"
	traffic_words "${@:2}" --while-file "$file"
	python_start "flow-$1" "$file.result" init "${WORDS[@]}"
}

# end_flow NAME: sets ${FLOW[packets_sent]} and so on to what traffic printed.
end_flow()
{
	local key value

	python_end "flow-$1" "/tmp/lab/flow-$1"
	while IFS='=' read -r key value; do
		FLOW[$key]=$value
	done <"/tmp/lab/flow-$1.result"
}

# shellcheck disable=SC2034 # FLOW is for scenarios
declare -A FLOW=()

# --- manual SAs and policies ------------------------------------------------------

KEY128=0x00112233445566778899aabbccddeeff
KEY160=${KEY128}01020304
KEY256=${KEY128}0123456789abcdeffedcba9876543210
BAD128=0xff112233445566778899aabbccddeeff
BAD160=${BAD128}01020304
BAD256=${BAD128}0123456789abcdeffedcba9876543210

# Sets ALGORITHMS to the keying attributes for ip, for a protocol and a cipher. With
# "auth" or "enc", the authentication or encryption key is a different one.
algorithms()
{
	local auth=$KEY256 enc=$KEY128 aead=$KEY160

	case $3 in
	auth) auth=$BAD256 aead=$BAD160 ;;
	enc) enc=$BAD128 aead=$BAD160 ;;
	esac
	auth="auth-trunc hmac(sha256) $auth 128"
	case $1-$2 in
	ah-*) ALGORITHMS=$auth ;;
	esp-gcm) ALGORITHMS="aead rfc4106(gcm(aes)) $aead 128" ;;
	esp-cbc) ALGORITHMS="enc cbc(aes) $enc $auth" ;;
	esp-null) ALGORITHMS="enc ecb(cipher_null) '' $auth" ;;
	comp-*) ALGORITHMS="comp deflate" ;;
	*) echo "algorithms: $1 $2?" >&2 && return 1 ;;
	esac
}

# sa LEFT RIGHT SPI [KEY=VALUE…]: one SA from LEFT to RIGHT, installed in both.
#	proto=esp|ah|comp mode=transport|tunnel|beet family=4|6 cipher=gcm|cbc|null
#	reqid=N window=N ifid=N mark=V/M flag=FLAG (esn…) badkey=auth|enc (in RIGHT only)
#	sel="…" ends="LEFT RIGHT" (where to install, when not in both)
#	limit="byte-hard N" (or another limit of ip's)
#	pcpu=N (for one processor)
#	dir=yes (declares the direction, at each end its own) or dir=in|out (at both)
sa()
{
	local ns ends="$1 $2" word

	for word in "${@:4}"; do
		[[ $word != ends=* ]] || ends=${word#ends=}
	done
	for ns in $ends; do
		sa_line "$ns" "$@" | on "$ns" ip -batch -
	done
}

# sa_pair LEFT RIGHT SPI …: the same, and one back with SPI + 1.
sa_pair()
{
	local ns

	for ns in "$1" "$2"; do
		{
			sa_line "$ns" "$@"
			sa_line "$ns" "$2" "$1" "$(($3 + 1))" "${@:4}"
		} | on "$ns" ip -batch -
	done
}

# sa_line NAMESPACE and the arguments of sa: the command for ip in NAMESPACE.
# shellcheck disable=SC2034 # "ends" is for sa
sa_line()
{
	local ns=$1 left=$2 right=$3 spi=$4 proto=esp mode=transport family=4 cipher=gcm
	local reqid=0 window=32 ifid='' mark='' flag='' badkey='' sel='' ends=''
	local limit='' dir='' pcpu=''
	local line

	shift 4
	[ $# = 0 ] || local "$@"
	line="xfrm state add src ${ADDR[$left.$family]} dst ${ADDR[$right.$family]}"
	line+=" proto $proto spi $spi mode $mode reqid $reqid"
	[ -z "$flag" ] || line+=" flag $flag"
	[ -z "$ifid" ] || line+=" if_id $ifid"
	[ -z "$mark" ] || line+=" mark ${mark%/*} mask ${mark#*/}"
	[ "$ns" = "$right" ] || badkey=
	if [ "$dir" = yes ]; then
		dir=in
		[ "$ns" = "$right" ] || dir=out
	fi
	[ "$dir" != out ] || window=0 # the kernel rejects one
	[ "$proto" = comp ] || line+=" replay-window $window"
	[ -z "$dir" ] || line+=" dir $dir"
	[ -z "$pcpu" ] || line+=" pcpu-num $pcpu"
	algorithms "$proto" "$cipher" "$badkey"
	if [ "$mode" = beet ] && [ -z "$sel" ]; then
		sel="src ${INNER[$left.$family]} dst ${INNER[$right.$family]}"
	fi
	echo "$line $ALGORITHMS${sel:+ sel $sel}${limit:+ limit $limit}"
}

# policy LEFT RIGHT ADDR|INNER FAMILY TEMPLATE…: traffic between these addresses goes
# through the templates, in both directions. A template is "PROTO MODE [more for ip]",
# the innermost first. Only UDP and TCP, so that neighbour discovery and pings do not
# count.
policy()
{
	local ns

	for ns in "$1" "$2"; do
		policy_lines "$ns" "$@" | on "$ns" ip -batch -
	done
}

# policy_lines NAMESPACE and the arguments of policy: the commands for ip in NAMESPACE.
policy_lines()
{
	local ns=$1 left=$2 right=$3 family=$5 from to dir upspec template templates words
	local -n place=$4

	shift 5
	for dir in out in; do
		from=$left to=$right
		if [ "$ns-$dir" = "$left-in" ] || [ "$ns-$dir" = "$right-out" ]; then
			from=$right to=$left
		fi
		templates=
		for template; do
			read -ra words <<<"$template"
			templates+=" tmpl src ${ADDR[$from.$family]} dst ${ADDR[$to.$family]}"
			templates+=" proto ${words[0]} mode ${words[*]:1}"
		done
		for upspec in udp tcp; do
			echo "xfrm policy add src ${place[$from.$family]}" \
				"dst ${place[$to.$family]} proto $upspec dir $dir$templates"
		done
	done
}

flush()
{
	local ns

	for ns; do
		printf '%s\n' "xfrm policy flush" "xfrm state flush" |
			on "$ns" ip -batch -
	done
}

# xfrm_stat NAMESPACE COUNTER
xfrm_stat() { oracle "$1" stat "$2"; }

# stat_is TEXT NAMESPACE COUNTER VALUE: after packets whose arrival nobody has awaited: on a
# busy machine, a thread of the kernel receives them later.
stat_is()
{
	eventually 60 stat_has "${@:2}" || true
	is "$1" "$(xfrm_stat "$2" "$3")" "$4"
}

stat_has() { [ "$(xfrm_stat "$1" "$2")" = "$3" ]; }

# count_sas NAMESPACE; no_sa NAMESPACE: it has none.
count_sas() { [[ $(on "$1" ip xfrm state count) =~ [0-9]+ ]] && echo "${BASH_REMATCH[0]}"; }
no_sa() { [ "$(count_sas "$1")" = 0 ]; }

# sas_are LEFT-RIGHT: the numbers of SAs at both ends.
sas_are() { [ "$(count_sas left)-$(count_sas right)" = "$1" ]; }

# --- qmipsecd and snmpd -------------------------------------------------------------

# oracle NAMESPACE COMMAND…: oracle.py in this namespace.
oracle() { python "$1" oracle "${@:2}"; }

# config NAME LINE…: makes /tmp/lab/NAME.conf, with a poll for each request.
config()
{
	local file=/tmp/lab/$1.conf

	shift
	printf '%s\n' "pollInterval 1" "maxAge 0.05" "$@" >"$file"
	echo "$file"
}

# once NAMESPACE [CONFIG]: one collection, as JSON.
once()
{
	on "$1" "${SERVICE[@]}" "$QMIPSECD" --once --format=json -c "${2:-$(config empty)}"
}

# exact_once TEXT NAMESPACE ROW [COLUMN=VALUE…] [options of the oracle…]: in one
# collection of qmipsecd, all columns of the row equal those of the oracle, from ip's
# output. These columns have these values, which are independent of XFRM.
exact_once()
{
	local text=$1 ns=$2 row=$3

	shift 3
	rm -f /tmp/lab/once.json
	once "$ns" >/tmp/lab/once.json || true
	check "$text" oracle "$ns" compare \
		--json /tmp/lab/once.json --row "$row" "$@"
}

# monitor NAMESPACE: records additions and deletions of SAs from now on; events prints
# the counts that follow from them, as COLUMN=VALUE.
monitor()
{
	background "monitor-$1" "$1" stdbuf -oL \
		ip -rcvbuf 16777216 xfrm monitor nokeys SA expire
	eventually 60 listens "$1" "monitor-$1"
}

# netlink_groups NAMESPACE PID: the group masks of the XFRM sockets of the process.
netlink_groups()
{
	# shellcheck disable=SC2016 # awk's own
	on "$1" awk '
		FILENAME != "/proc/net/netlink" { mine[$0] = 1; next }
		$2 == 6 && ("socket:[" $10 "]") in mine { print $4 }
	' <(readlink "/proc/$2"/fd/*) /proc/net/netlink | sort | xargs
}

# listens NAMESPACE NAME: the program that background started has joined a group.
listens() { netlink_groups "$1" "$(<"/tmp/lab/$2.pid")" | grep -q '[1-9a-f]'; }

events() { oracle "$1" events --file "$LOGS/monitor-$1.log"; }

# background NAME NAMESPACE COMMAND…: starts a program, with its output in a log and its
# process ID in a file.
background()
{
	local name=$1 ns=$2 enter=()

	shift 2
	[ "$ns" = init ] || enter=(ip netns exec "$ns")
	"${enter[@]}" "$@" </dev/null >>"$LOGS/$name.log" 2>&1 3>&- \
		{REQUESTS}>&- {ANSWERS}<&- {TURN}>&- {NEVER}>&- &
	echo $! >"/tmp/lab/$name.pid"
}

# stop NAME: ends a program that background started, and waits for its end.
stop()
{
	local pid

	pid=$(<"/tmp/lab/$1.pid")
	kill "$pid"
	wait "$pid" || true
	rm "/tmp/lab/$1.pid"
}

# crash NAME: kill -9 instead, and the message of the shell about it.
crash()
{
	local pid

	pid=$(<"/tmp/lab/$1.pid")
	kill -9 "$pid"
	wait "$pid" || true
}

# Lines for snmpd.conf, so that the servers outside can ask (outside/outside.sh).
# shellcheck disable=SC2034 # for scenarios
FOR_OUTSIDE=("agentaddress udp:10.99.0.2:161" "rocommunity public 10.99.0.1 -V everything")

# start_snmpd NAMESPACE [LINE…]: with its own socket, port on loopback and persistent
# directory, and these lines in its configuration.
start_snmpd()
{
	local dir=/tmp/lab/snmpd-$1

	mkdir -p "$dir/var"
	cat >"$dir/snmpd.conf" <<-END
		agentaddress udp:127.0.0.1:1161
		master agentx
		agentXSocket $dir/master
		agentXPerms 0660 0755 nobody nogroup
		view everything included .1
		rocommunity public 127.0.0.1 -V everything
		rwcommunity private 127.0.0.1 -V everything
		$(printf '%s\n' "${@:2}")
	END
	background "snmpd-$1" "$1" env SNMP_PERSISTENT_DIR="$dir/var" \
		snmpd -f -Lo -C -c "$dir/snmpd.conf"
	eventually 60 get "$1" 1.3.6.1.2.1.1.3.0
}

# start_qmipsecd NAMESPACE CONFIG [OPTION…]: starts it, and waits until it serves its
# table. launch_qmipsecd only starts it.
start_qmipsecd()
{
	launch_qmipsecd "$@"
	eventually 60 served "$1"
}

launch_qmipsecd()
{
	local ns=$1 conf=$2 dir=/tmp/lab/qmipsecd-$1

	shift 2
	[ -d "$dir" ] || install -d -o nobody -g nogroup "$dir"
	background "qmipsecd-$ns" "$ns" "${SERVICE[@]}" "$QMIPSECD" -f -Le \
		-x "/tmp/lab/snmpd-$ns/master" -c "$conf" --state-dir "$dir" "$@"
}

# start_end NAMESPACE: snmpd and the daemon, with one row "lab" for the SAs there.
start_end()
{
	start_snmpd "$1"
	start_qmipsecd "$1" "$(config "$1" "instance lab local ${ADDR[$1.4]}")"
}

# block_plain NAMESPACE: without the tunnel, its traffic is dropped, not sent in plain.
block_plain()
{
	on "$1" ip xfrm policy add src 172.16.0.0/12 dst 172.16.0.0/12 dir out \
		action block priority 4000000
}

# out_spi NAMESPACE: the SPI of its outbound SA. rekeyed NAMESPACE OLD: it has changed.
out_spi() { on "$1" ip xfrm state | sed -n "/^src ${ADDR[$1.4]} /{n;s/.* spi \\([^ ]*\\).*/\\1/p}"; }
rekeyed() { local spi; spi=$(out_spi "$1") && [[ $spi == 0x???????? && $spi != "$2" ]]; }

ROOT=1.3.6.1.4.1.8072.9999.9999.18

served() { get "$1" "$ROOT.1.4.1.0"; }

# snmp get|walk|bulkwalk|set|table… NAMESPACE ARGUMENTS…: the tool of Net-SNMP, with the
# MIB loaded. COMMUNITY is public by default.
snmp()
{
	local tool=snmp$1 ns=$2

	shift 2
	# On stderr the tools report base MIBs that Debian does not ship.
	# shellcheck disable=SC2086 # several options
	on "$ns" "$tool" -v2c -c "${COMMUNITY:-public}" $PATIENT -M +/build/mib \
		-m QMIPSEC-MIB 127.0.0.1:1161 "$@" 2>>"$LOGS/snmp-tools.log"
}

# On a busy machine an answer can be late, but none is lost on loopback.
PATIENT="-t 20 -r 2"
SNMP_ARGS="-v2c -c public $PATIENT 127.0.0.1:1161"

# get NAMESPACE OID…: values over SNMP, without a tool. index NAME: sets INDEX to the
# part of an OID that is the name of a row.
get() { oracle "$1" get --snmp="$SNMP_ARGS" "${@:2}"; }

index()
{
	local n octet

	INDEX=${#1}
	for ((n = 0; n < ${#1}; n++)); do
		printf -v octet %d "'${1:n:1}"
		INDEX+=.$octet
	done
}

# row NAMESPACE ROW COLUMN…: values over SNMP.
row()
{
	local ns=$1 name=$2

	shift 2
	oracle "$ns" value --row "$name" --snmp="$SNMP_ARGS" "$@"
}

# row_has NAMESPACE ROW COLUMN VALUE, sent_more_than NAMESPACE BYTES: for eventually.
sent_more_than() { [ "$(row "$1" lab TunnelBytesSent)" -gt "$2" ]; }
row_has() { [ "$(row "$1" "$2" "$3")" = "$4" ]; }

# row_is TEXT NAMESPACE ROW COLUMN=VALUE…: these columns, over SNMP.
row_is() { over_snmp diff "$@"; }

# exact_row TEXT NAMESPACE ROW [COLUMN=VALUE…] [options of the oracle…]: all columns, as
# in exact_once.
exact_row() { over_snmp compare "$@"; }

over_snmp()
{
	local how=$1 text=$2 ns=$3 name=$4

	shift 4
	check "$text" oracle "$ns" "$how" --row "$name" \
		--snmp="$SNMP_ARGS" --settle "${WITHIN:-120}" "$@"
}

# event_counts NAMESPACE: rekeys, additions, deletions and live SAs by the kernel's
# messages that ip has written so far.
event_counts()
{
	local told

	mapfile -t told < <(events "$1")
	echo "${told[2]#*=} ${told[0]#*=} ${told[1]#*=} ${told[3]#*=}"
}

heard() { [ "$(event_counts "$1")" = "$2" ]; }

# tunnel_is TEXT NAMESPACE COUNTS: after read_tap, the row "lab" has the bytes of the wire,
# and its counts are those of the kernel's messages, which are the expected ones.
tunnel_is()
{
	local text=$1 ns=$2 counts=$3 told

	eventually 60 heard "$ns" "$counts" || true
	mapfile -t told < <(events "$ns")
	is "$text, $ns: rekeys, additions, deletions, SAs by the kernel's messages" \
		"$(event_counts "$ns")" "$counts"
	row_is "$text, $ns: ${WIRE[${ns}_sent]} bytes sent, ${WIRE[${ns}_received]} received" \
		"$ns" lab "${told[@]}" \
		TunnelBytesSent="${WIRE[${ns}_sent]}" \
		ConfidentialBytesSent="${WIRE[${ns}_sent]}" \
		TunnelBytesReceived="${WIRE[${ns}_received]}" \
		ConfidentialBytesReceived="${WIRE[${ns}_received]}" \
		PacketsWithReplayDetection="${WIRE[${ns}_received_packets]}" \
		BadSPIPackets="${WIRE[${ns}_refused]}" \
		TransportBytesSent=0 TransportBytesReceived=0 PendingKeyOperations=0
}

# sums_close TEXT NAMESPACE ROW…: what the peers of these rows have adds up to the rows.
sums_close()
{
	local text=$1 ns=$2 name

	shift 2
	for name; do
		check "$text, $ns: the peers add up to row $name" oracle "$ns" sums \
			--row "$name" --snmp="$SNMP_ARGS" --settle "${WITHIN:-120}"
	done
}

# settled NAMESPACE: waits until everything so far is counted. row_is and exact_row do
# so as well, within ${WITHIN} seconds.
settled()
{
	oracle "$1" settle --snmp="$SNMP_ARGS" --settle "${WITHIN:-120}"
}

# start_watch NAMESPACE [options of the oracle…]: requests the row "lab" (or $WATCHED)
# without a pause, so that dumps come between all messages. end_watch TEXT checks that
# no counter decreased. There are answers from before and after what is watched.
start_watch()
{
	local ns=$1

	shift
	echo 0 >/tmp/lab/watching
	python_start watch "$LOGS/watch.log" "$ns" oracle watch \
		--row "${WATCHED:-lab}" --at-least 3 \
		--snmp "-v2c -c public -t 1 -r 0 127.0.0.1:1161" \
		--while-file /tmp/lab/watching "$@"
	eventually 60 answered_more_than 0
}

answered_more_than() { [ "$(</tmp/lab/watching)" -gt "$1" ]; }

end_watch()
{
	eventually 60 answered_more_than $(($(</tmp/lab/watching) + 1))
	if python_end watch /tmp/lab/watching; then
		pass "$1: no counter ever went down in $(grep answers "$LOGS/watch.log")"
	else
		fail "$1: no counter ever went down" "$(cat "$LOGS/watch.log")"
	fi
}

# shellcheck source=tests/lab/strongswan.sh
. "$LAB/strongswan.sh"

# --- iSCSI --------------------------------------------------------------------------

TARGET=iqn.2026-01.example:lab

# start_target NAMESPACE [MEGABYTES]: a target with one disk.
start_target()
{
	mkdir -p /run/tgtd
	truncate -s "${2:-64}M" /tmp/lab/disk
	background "tgtd-$1" "$1" tgtd -f --iscsi "portal=${ADDR[$1.4]}:3260"
	eventually 60 on "$1" tgtadm --lld iscsi --op show --mode sys
	on "$1" tgtadm --lld iscsi --op new --mode target --tid 1 -T "$TARGET"
	on "$1" tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 \
		-b /tmp/lab/disk
	on "$1" tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL
}

# node OPERATION…: iscsiadm for the only target, in the namespace TARGET_NS.
node()
{
	iscsiadm -m node -T "$TARGET" -p "${ADDR[$TARGET_NS.4]}:3260" "$@"
}

# login TARGET-NAMESPACE: from the initial namespace, the only one in which the kernel's
# initiator works. Without discovery, since that connection would count as well, and
# without pings, which would change counters.
login()
{
	local timer

	TARGET_NS=$1
	modprobe -a iscsi_tcp sd_mod # no udev here that would load them
	background iscsid init iscsid -f
	eventually 60 iscsiadm -m iface
	node -o new
	for timer in noop_out_interval noop_out_timeout; do
		node -o update -n "node.conn[0].timeo.$timer" -v 0
	done
	node --login
	eventually 60 disk
	eventually 60 test -b "$(disk)"
}

logout() { node --logout; }

# disk: the device of the iSCSI disk.
disk()
{
	iscsiadm -m session -P 3 | awk '/Attached scsi disk/ { d = $4 }
		END { if (d == "") exit 1; print "/dev/" d }'
}

# write_disk FILE, read_disk BYTES: without the page cache, so on the wire.
write_disk() { dd if="$1" of="$(disk)" bs=64k oflag=direct conv=fsync status=none; }
read_disk() { dd if="$(disk)" bs=64k count=$(($1 / 65536)) iflag=direct status=none; }

# iscsi_bytes NAMESPACE PORT-CONDITION: the bytes of the iSCSI connection by the TCP
# formula, "SENT RECEIVED": payload, 32 bytes of header for each segment (with the
# timestamp option), and 8 more for the SYN. Valid at the connecting end; the other one
# does not count its SYN-ACK in segs_out.
iscsi_bytes()
{
	local last='' now

	# The last acknowledgement can be delayed by 0.2 s, and by the timer.
	now=$(tcp_bytes "$@")
	until [ "$now" = "$last" ]; do
		sleep 0.5
		last=$now
		now=$(tcp_bytes "$@")
	done
	echo "$now"
}

# tcp_bytes NAMESPACE PORT-CONDITION [MORE]: the same, with MORE bytes of header for
# each segment, as in a tunnel.
tcp_bytes()
{
	# ss reports missing control groups.
	on "$1" ss -Htin "$2" 2>>"$LOGS/ss.log" | tr ' ' '\n' |
		awk -F: -v header="$((32 + ${3:-0}))" '
		{ v[$1] = $2 }
		END {
			print v["bytes_sent"] + header * v["segs_out"] + 8,
				v["bytes_received"] + header * v["segs_in"] + 8
		}'
}
