# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How long a poll takes beside the question to the keying daemon: "swanctl --list-sas",
# with the same SAs. By the wall clock, since nothing else runs here.
#
#	tests/lab/run --show cost
#
# kind: show
# limit: 900

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

CHILDREN=50
ROUNDS=9

# children SIDE OTHER: a child of the connection has a network of its own at each end.
children()
{
	local i

	for ((i = 1; i <= CHILDREN; i++)); do
		echo "child$i 172.$1.$i.0/24 172.$2.$i.0/24"
	done
}

now() { echo $(($(date +%s%N) / 1000)); }

# median: of the numbers on stdin.
median() { sort -n | sed -n "$((ROUNDS / 2 + 1))p"; }

list()
{
	local i start

	for ((i = 0; i < ROUNDS; i++)); do
		start=$(now)
		swan left --list-sas >/dev/null
		echo $(($(now) - start))
	done
}

# qmIpsecAgentLastPollDuration, without the snapshot.
polls()
{
	local i

	for ((i = 0; i < ROUNDS; i++)); do
		sleep 1.2
		get left "$ROOT.1.4.5.0"
	done
}

wire left right
start_end left
mapfile -t here < <(children 16 17)
mapfile -t there < <(children 17 16)
load_charon left >/dev/null < <(connection lab "${ADDR[left.4]}" "${ADDR[right.4]}" left right \
	tunnel "${here[@]}")
load_charon right >/dev/null < <(connection lab "${ADDR[right.4]}" "${ADDR[left.4]}" right left \
	tunnel "${there[@]}")
for ((i = 1; i <= CHILDREN; i++)); do
	swan left --initiate --child "child$i" --timeout 60 >/dev/null
done
settled left
poll=$(polls | median) list=$(list | median)
printf '%d SAs: a poll %d µs, swanctl --list-sas %d µs: %d.%02d times\n' \
	"$(count_sas left)" "$poll" "$list" $((list / poll)) $((list * 100 / poll % 100)) >&3
