#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the completion for bash offers: exactly the options, views and topics of
# "qmipsecd --help", the values of options, and the names of instances.
set -uo pipefail

top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
daemon=${top_builddir:-$top/build}/agent/qmipsecd
[ -x "$daemon" ] || {
	echo "$daemon is not built" >&2
	exit 99
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# shellcheck source=completions/qmipsecd
. "$top/completions/qmipsecd"

# Instances of a daemon that this test pretends to ask, as root.
cat >"$work/qmipsecd" <<'END'
#!/bin/sh
[ "$*" = "--once --format=json" ] || exit 1
echo '{"report":"instances","version":"1",'
echo '"instances":['
echo '{"name":"tcp:default","active":true,"descr":"{\"name\":\"x\""},'
echo '{"name":"tcp:eth1","active":true},'
echo '{"name":"unattributed","active":true}],'
echo '"xfrm":[]}'
END
chmod +x "$work/qmipsecd"
id() { echo "$uid"; }
uid=0

# offered LINE: the answers, behind a cursor at the end of the line.
offered()
{
	COMP_LINE=$1 COMP_POINT=${#1}
	COMP_WORDS=("$work/qmipsecd")
	COMPREPLY=()
	_qmipsecd
	printf '%s\n' "${COMPREPLY[@]}" | sort | xargs
}

# is LINE EXPECTED
is()
{
	local got

	got=$(offered "$1")
	[ "$got" = "$2" ] && return
	echo "\"$1\": \"$got\" is offered, and not \"$2\""
	failures=$((failures + 1))
}

sorted() { sort -u | xargs; }

# What a word breaks at differs between shells: see COMP_WORDBREAKS in bash(1).
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'

# Options, in both directions, and in every form that --help shows.
told=$("$daemon" --help | sed -n '/^Topics/q; s/^ *\(-[^ ].*\)/\1/p' |
	sed 's/  .*//' | grep -oE -- '(^|[ ,])--?[A-Za-z-]+(\[=)?' | tr -d ' ,' |
	sed 's/\(.*\)\[=$/\1\n\1=/' | sorted)
is "qmipsecd -" "$told"
topics=$("$daemon" --help | sed -n '1,/^Topics/d; s/^  \([a-z]*\) .*/\1/p')
is "qmipsecd -D " "$(printf '%s\n' "$topics" ALL | sorted)"
views=$("$daemon" --once=nosuch 2>&1 | grep -oE 'instances|peers|sas' | sorted)
is "qmipsecd --once=" "$views"

is "qmipsecd --o" "--once --once="
is "qmipsecd --once=p" "peers"
is "qmipsecd --watch=1" "1 10"
is "qmipsecd --format=" "json table"
is "qmipsecd --once --format " "json table"
is "qmipsecd --once --format j" "json"
mkdir "$work/dir" "$work/dir2"
touch "$work/file"
is "qmipsecd --state-dir $work/d" "$work/dir $work/dir2"
is "qmipsecd --state-dir=$work/d" "$work/dir $work/dir2"
is "qmipsecd -c $work/f" "$work/file"

# Instances, only where they have an effect. A colon begins another word.
is "qmipsecd " ""
is "qmipsecd --check-config " ""
is "qmipsecd --once " "tcp:default tcp:eth1 unattributed"
is "qmipsecd --once=peers u" "unattributed"
is "qmipsecd --sas tcp:e" "eth1"
is "qmipsecd --watch=2 --fresh tcp:" "default eth1"
is "qmipsecd --once tcp:default u" "unattributed"
COMP_WORDBREAKS=$' \t\n'
is "qmipsecd --watch tcp:e" "tcp:eth1"
is "qmipsecd --once=p" "--once=peers"
uid=1000
is "qmipsecd --once " ""

[ $failures = 0 ] && echo "the completion offers what the program takes"
exit $((failures > 0))
