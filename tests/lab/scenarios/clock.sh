# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Somebody sets the wall clock, with traffic through a tunnel: an hour, ten years, and
# back to before the SAs' add_time. Rekeys, restarts and deletions in between leave SAs
# with an add_time in the future, beside younger ones with an earlier add_time. The wire
# has the bytes, and the kernel's messages have the numbers of SAs.
# limit: 900

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

STATE=/tmp/lab/qmipsecd-left/qmipsecd.state
LOG=$LOGS/qmipsecd-left.log
HOUR=3600
TEN_YEARS=$((10 * 365 * 86400))
OFF=100 # between two readings of one time, in ticks, as in restart.sh

gone() { ! out_spi left | grep -q "$1"; }
saved_since() { [ "$STATE" -nt "$1" ]; }
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
uptime() { cut -d. -f1 /proc/uptime; } # in seconds, whatever the clock
lines() { wc -l <"$LOG"; }

# set_clock SECONDS: by so much, or to @SECONDS. The shell's own $SECONDS follows.
set_clock()
{
	local to=$1

	[[ $to = @* ]] || to=@$((EPOCHSECONDS + to))
	date -s "$to"
}

# add_times: of the SAs of left, the youngest first.
add_times() { on left ip -s xfrm state | sed -n 's/^[[:space:]]*add \(.*\) use .*/\1/p'; }

# times: DiscontinuityTime of the row, and LastChange and DiscontinuityTime of its peer.
times()
{
	local row

	index lab
	row=$INDEX
	index "${ADDR[right.4]}"
	get left "$ROOT.1.1.1.14.$row" "$ROOT.1.5.1.16.$row.$INDEX" "$ROOT.1.5.1.17.$row.$INDEX"
}

# near TEXT: these times are those of $first.
near()
{
	local now was n

	mapfile -t now < <(times)
	for n in 0 1 2; do
		was=${first[n]}
		if [ "${now[n]}" -lt $((was - OFF)) ] || [ "${now[n]}" -gt $((was + OFF)) ]; then
			fail "$1: no time of the row and its peer has changed" \
				"they were ${first[*]}, they are ${now[*]}"
			return
		fi
	done
	pass "$1: no time of the row and its peer has changed"
}

# quiet TEXT: nobody asks for some seconds. The daemon polls every second, uses little
# time, and logs nothing.
quiet()
{
	local first polls used lines pid start took

	pid=$(</tmp/lab/qmipsecd-left.pid)
	lines=$(lines) used=$(ticks "$pid") first=$(get left "$ROOT.1.4.13.0")
	set_clock "$2"
	start=$(uptime)
	# On a busy machine, 6 s can be too short for its polls.
	for _ in 1 2 3; do
		sleep 6
		polls=$(($(get left "$ROOT.1.4.13.0") - first)) took=$(($(uptime) - start))
		[ "$polls" -lt 4 ] || break
	done
	used=$(($(ticks "$pid") - used))
	if [ "$polls" -ge 4 ] && [ "$polls" -le $((took + 4)) ]; then
		pass "$1: it polls on: $polls times in $took s"
	else
		fail "$1: it polls every second" "$polls times in $took s"
	fi
	check "$1: it uses little time: $used ticks" [ "$used" -le $((10 * took)) ]
	is "$1: it logs nothing" "$(($(lines) - lines))" 0
}

# step TEXT: without traffic, both ends are right.
rekeys=0 additions=2 deletions=0 live=2
step()
{
	local ns counts="$rekeys $additions $deletions $live"

	read_tap
	for ns in left right; do
		tunnel_is "$1" $ns "$counts"
		sums_close "$1" $ns lab
	done
}

# stream, stream_end TEXT: datagrams both ways.
stream()
{
	start_flow there udp INNER left right --size 700 --pause 0.01
	start_flow back udp INNER right left --size 300 --pause 0.01 --port 7778
}

stream_end()
{
	local way

	for way in there back; do
		end_flow $way
		is "$1: all datagrams $way arrived" \
			"${FLOW[packets_received]}" "${FLOW[packets_sent]}"
	done
}

# rekey: the younger SAs have an add_time by the present clock.
rekey()
{
	local old

	old=$(out_spi left)
	ike_rekey left
	eventually 60 gone "$old"
	eventually 60 sas_are 2-2
	rekeys=$((rekeys + 1)) additions=$((additions + 2)) deletions=$((deletions + 2))
}

modprobe -q crypto_null || true
wire left right
tap left right
for ns in left right; do
	monitor $ns
	start_snmpd $ns
	start_qmipsecd $ns "$(config $ns "saveInterval 1" "instance lab local ${ADDR[$ns.4]}")"
	block_plain $ns
done
ESP=null-sha256
ike left right tunnel "${INNER[left.4]}/32" "${INNER[right.4]}/32"
ike_up left
eventually 60 sas_are 2-2
eventually 60 row_has left lab ActiveSA 2
sleep 2 # times differ from those of a step
mapfile -t first < <(times)

# --- the clock alone ---------------------------------------------------------------

quiet "an hour ahead" $HOUR
quiet "an hour back" -$HOUR
quiet "ten years ahead" $TEN_YEARS
quiet "to before all SAs" @1000000000
near "the clock alone"

# --- with traffic and rekeys ---------------------------------------------------------

start_watch left --strict
for to in $HOUR -$((TEN_YEARS + HOUR)) $((TEN_YEARS * 2)) -$HOUR; do
	stream
	sleep 0.5
	set_clock $to
	sleep 0.5
	rekey
	sleep 0.5
	set_clock -7 # the SAs of this moment are in the future
	rekey
	stream_end "by $to s"
	step "by $to s and -7 s, each with a rekey"
done
near "four steps with two rekeys each"
end_watch "four steps"

# --- restarts of the daemon -----------------------------------------------------------

for to in -$TEN_YEARS $((TEN_YEARS * 2)); do
	start_watch left --strict
	stream
	stop qmipsecd-left
	set_clock "$to"
	start_qmipsecd left /tmp/lab/left.conf
	stream_end "SIGTERM, $to s and a start"
	step "SIGTERM, $to s and a start"
	near "SIGTERM, $to s and a start"
	stream
	rekey
	stream_end "the rekey after it"
	step "the rekey after it"
	end_watch "SIGTERM, $to s and a start"

	set_clock -$HOUR
	touch /tmp/lab/stamp
	eventually 60 saved_since /tmp/lab/stamp
	crash qmipsecd-left
	set_clock -$HOUR
	start_qmipsecd left /tmp/lab/left.conf
	stream
	rekey
	stream_end "kill -9, two hours back and a start"
	step "kill -9, two hours back and a start"
	sleep 2 # times differ from those of a step
	mapfile -t first < <(times)
done

# A rekey while the daemon is down, with SAs at rest: nothing is lost. In the first, the old
# SAs have an add_time ten years later than those that replace them.
for to in -$TEN_YEARS $TEN_YEARS; do
	stop qmipsecd-left
	set_clock "$to"
	rekey
	start_qmipsecd left /tmp/lab/left.conf
	step "a rekey after $to s while the daemon is down"
done
sleep 2
mapfile -t first < <(times)

# --- as by a suspended host --------------------------------------------------------------

# The daemon does nothing for a while, and then the wall clock is another one. Here the
# traffic goes on meanwhile.
for to in $HOUR -$((TEN_YEARS + HOUR)); do
	start_watch left --strict
	stream
	kill -STOP "$(</tmp/lab/qmipsecd-left.pid)"
	set_clock "$to"
	rekey
	sleep 1
	kill -CONT "$(</tmp/lab/qmipsecd-left.pid)"
	eventually 60 served left
	stream_end "stopped, and $to s"
	step "stopped, and $to s"
	end_watch "stopped, and $to s"
done
near "stopped, twice"

# --- lifetimes -----------------------------------------------------------------------------

# The kernel judges them by the wall clock (xfrm_timer_handler()). If the clock was set
# while a timer waits for a soft limit, the kernel moves add_time to where it fits.
some() { traffic udp ADDR left right --count 20 --size 500 --back-count 10 --back-size 200; }
by_kernel() { [ "$(add_times | head -n1)" != "$before" ]; }

stream
sa_pair left right 0xf00 mode=tunnel cipher=null reqid=9 \
	limit="time-soft 15 limit time-hard 3600"
additions=$((additions + 2)) live=$((live + 2))
policy left right ADDR 4 "esp tunnel reqid 9"
some
before=$(add_times | head -n1)
sleep 2 # after a second, the timer begins to wait for the soft limit
set_clock $TEN_YEARS
check "a soft limit moves add_time" eventually 60 by_kernel
is "and ends no SA" "$(count_sas left) $(count_sas right)" "4 4"
some
stream_end "a soft limit"
step "a soft limit"

for ns in left right; do
	on $ns ip -batch - <<-END
		xfrm state delete src ${ADDR[left.4]} dst ${ADDR[right.4]} proto esp spi 0xf00
		xfrm state delete src ${ADDR[right.4]} dst ${ADDR[left.4]} proto esp spi 0xf01
	END
done
sa_pair left right 0xf10 mode=tunnel cipher=null reqid=9 limit="time-hard 20"
additions=$((additions + 2)) deletions=$((deletions + 4)) live=2
some
set_clock $TEN_YEARS
eventually 60 sas_are 2-2
step "a hard limit"

# --- the end -------------------------------------------------------------------------------

set_clock -$((2 * TEN_YEARS))
ike_down left
eventually 60 sas_are 0-0
deletions=$((deletions + 2)) live=0
step "the end"
is "the daemon was never told of lost messages" "$(get left "$ROOT.1.4.8.0")" 0
