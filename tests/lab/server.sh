# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The client of server.py, for lib.sh: runs the lab's Python programs without a start of
# Python for each.

# The descriptors of the server, and of a pipe with one byte in it. Only the shell that
# has taken this byte may send a request, so that subshells can do so as well.
coproc SERVER { exec python3 -S -E "$LAB/server.py" 3>&-; }
exec {REQUESTS}>&"${SERVER[1]}" {ANSWERS}<&"${SERVER[0]}" {TURN}<> <(:)
printf . >&"$TURN"

# request WORD…: prints the answer of the server, and returns its status.
request()
{
	local IFS=$'\t' line='' turn

	read -rN1 -u "$TURN" turn
	echo "$*" >&"$REQUESTS"
	while IFS= read -r -u "$ANSWERS" line; do
		case $line in
		1*) echo "${line:1}" ;;
		2*) echo "${line:1}" >&2 ;;
		=*) break ;;
		esac
	done
	printf %s "$turn" >&"$TURN"
	return "${line:1}"
}

# python NAMESPACE PROGRAM ARGUMENT…: runs $LAB/PROGRAM.py in a namespace.
python() { request run "$@"; }

# python_start NAME FILE NAMESPACE PROGRAM ARGUMENT…: the same in the background, with its
# output in FILE, and its process ID in a file as by background.
python_start() { request start "${@:2}" >"/tmp/lab/$1.pid"; }

# python_end NAME FILE: removes the file, as long as which it runs, waits for its end, and
# returns its status.
python_end() { request end "$(<"/tmp/lab/$1.pid")" "$2"; }
