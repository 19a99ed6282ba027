#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The names of the MIB translate in both directions with only this module installed, as
# on Debian, which has no base modules.
#
#     translate.sh [MIB]
#
# MIB is the generated module (default: $top_builddir/mib/QMIPSEC-MIB.txt).
# Exit status: 0 pass, 1 fail, 77 skipped (fails instead if CI=true), 99 error.

set -u -o pipefail

INSTANCE_COLUMNS=(Name Active Descr Transport Netns InitiatorName IfIndex Sessions
	ActiveSAs PendingKeyOperations ActiveTunnels ErrorScope ReplayFailures
	DiscontinuityTime Label PacketsSent PacketsReceived)
AGENT_SCALARS=(Version KernelRelease PollInterval LastPoll LastPollDuration TrackedSAs
	Events EventLosses Resyncs FailedPolls LastError XfrmStatAvailable
	Polls DataAge)
NOTIFICATIONS=(InstanceUp InstanceDown PeerUp PeerDown ErrorsRising InstanceUnprotected)
# The default, an enterprise, and two that are not below enterprises.
OTHER_ROOTS=(1.3.6.1.4.1.8072.9999.9999.18 1.3.6.1.4.1.64000.1.2 1.3.6.1.3.77
	2.16.840.1.113883.18)

failures=0
checks=0
names=()
oids=()
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

error() { echo "error: $*" >&2; exit 99; }
fail() { echo "FAIL: $*" >&2; failures=$((failures + 1)); }

skip() {
	echo "skipped: $*" >&2
	[ "${CI:-}" = true ] && exit 1
	exit 77
}

# translate ARGUMENTS: snmptranslate as on a host with only this module.
translate() {
	SNMPCONFPATH=$work/etc SNMP_PERSISTENT_DIR=$work/var HOME=$work \
	    env -u MIBS -u MIBDIRS -u MIBFILES \
	    snmptranslate "${load[@]}" -M "$work/mibs" "$@" 2>"$work/err"
}

# index TEXT: the subidentifiers of a string index, length first.
index() {
	local text=$1 i
	printf '.%d' "${#text}"
	for ((i = 0; i < ${#text}; i++)); do
		printf '.%d' "'${text:i:1}"
	done
}

# both NAME OID: check_both will check that NAME translates to OID (below the root), and
# back. The tool reads the module once for all of them.
both() {
	names+=("QMIPSEC-MIB::$1")
	oids+=(".$root$2")
}

# in_order OPTION RESULTS ARGUMENTS: translates each of ARGUMENTS to that of RESULTS; both
# are names of arrays.
in_order() {
	local -n wanted=$2 asked=$3
	local got i
	mapfile -t got < <(translate ${1:+"$1"} "${asked[@]}" | grep .)
	complaints "${asked[0]} and the others"
	[ ${#got[@]} = ${#wanted[@]} ] ||
		fail "${#got[@]} results of ${#wanted[@]} names"
	for i in "${!wanted[@]}"; do
		checks=$((checks + 1))
		[ "${got[i]-}" = "${wanted[i]}" ] ||
			fail "${asked[i]} gives '${got[i]-}', not ${wanted[i]}"
	done
}

check_both() {
	in_order -On oids names
	in_order "" names oids
	names=() oids=()
}

# complaints WHAT: what the tool prints besides its answer. With +QMIPSEC-MIB it loads
# all its default modules and reports the missing ones. It must not report anything
# about this one.
complaints() {
	case "${load[1]}" in
	+*) grep QMIPSEC "$work/err" ;;
	*) cat "$work/err" ;;
	esac >"$work/about"
	[ -s "$work/about" ] || return
	fail "$1: $(head -n 1 "$work/about")"
}

check_names() {
	local i name id field instance
	for name in tcp:default qla4xxx:0000:03:00.1 tcp:default:iqn.2004-10.com.ubuntu:01 \
	    netns-1/unattributed "two words" a "$long_name"; do
		both "qmIpsecActiveSA.\"$name\"" ".1.2.1.1$(index "$name")"
		both "qmIpsecInstanceDescr.\"$name\"" ".1.1.1.3$(index "$name")"
	done
	instance=tcp:default
	while read -r id field; do
		both "qmIpsec$field.\"$instance\"" ".1.2.1.$id$(index "$instance")"
	done <"$work/stats"
	for i in "${!INSTANCE_COLUMNS[@]}"; do
		both "qmIpsecInstance${INSTANCE_COLUMNS[i]}.\"$instance\"" \
		    ".1.1.1.$((i + 1))$(index "$instance")"
	done
	for name in '' netns-1; do
		id=2
		for field in Value NetnsLabel CounterLabel; do
			id=$((id + 1))
			both "qmIpsecXfrm$field.\"$name\".\"XfrmInNoStates\"" \
			    ".1.3.1.$id$(index "$name")$(index XfrmInNoStates)"
		done
	done
	for i in "${!AGENT_SCALARS[@]}"; do
		both "qmIpsecAgent${AGENT_SCALARS[i]}.0" ".1.4.$((i + 1)).0"
	done
	both qmIpsecMIB ''
	both qmIpsecNotifications .0
	for i in "${!NOTIFICATIONS[@]}"; do
		both "qmIpsec${NOTIFICATIONS[i]}" ".0.$((i + 1))"
	done
	both qmIpsecNotifyInterval.0 .1.6.5.0
	both qmIpsecStatsTable .1.2
	both qmIpsecCompliance .2.1.1
}

# The module also has the format of values.
check_syntax() {
	local object want
	while read -r object want; do
		checks=$((checks + 1))
		translate -Td "QMIPSEC-MIB::$object" | grep -q -F -- "$want" ||
			fail "$object has no '$want'"
		complaints "$object"
	done <<-END
		qmIpsecInstanceActive INTEGER {true(1), false(2)}
		qmIpsecInstanceErrorScope INTEGER {instance(1), namespace(2)}
		qmIpsecInstanceDescr DISPLAY-HINT	"255t"
		qmIpsecInstanceDiscontinuityTime SYNTAX	TimeTicks
		qmIpsecActiveSA SYNTAX	Counter64
		qmIpsecTunnelBytesReceived UNITS		"bytes"
	END
}

here=$(cd "$(dirname "$0")" && pwd) || exit 99
top_srcdir=${top_srcdir:-$here/../..}
mib=${1:-${MIB:-${top_builddir:-$here/../..}/mib/QMIPSEC-MIB.txt}}
[ -r "$mib" ] || error "cannot read $mib"
command -v snmptranslate >/dev/null || skip "no snmptranslate (Debian: snmp)"

mkdir -p "$work/etc" "$work/var/cert_indexes" "$work/mibs"
echo 'mibs :' >"$work/etc/snmp.conf" # Debian's own
long_name=$(printf 'x%.0s' {1..64})
sed -n 's/^STAT(\([0-9]*\), [a-z_]*, \([A-Za-z]*\),.*/\1 \2/p' \
    "$top_srcdir/src/ledger/stats.def" >"$work/stats"
[ -s "$work/stats" ] || error "no columns in $top_srcdir/src/ledger/stats.def"

root=$(sed -n 's/^ *This copy of the module is built for the root \([0-9.]*\)\."$/\1/p' \
    "$mib")
[ -n "$root" ] || error "$mib does not tell its root"
cp "$mib" "$work/mibs/QMIPSEC-MIB.txt"
for load in QMIPSEC-MIB +QMIPSEC-MIB; do
	load=(-m "$load")
	check_names
	check_both
done
load=(-m QMIPSEC-MIB)
check_syntax

# Other roots, by the rule of configure.
for root in "${OTHER_ROOTS[@]}"; do
	anchor=$(echo "$root" | sed -f "$top_srcdir/mib/anchor.sed")
	sed -e "s/@MIB_ROOT_OID@/$root/g" -e "s/@MIB_ROOT_ANCHOR@/$anchor/" \
	    "$top_srcdir/mib/QMIPSEC-MIB.txt.in" >"$work/mibs/QMIPSEC-MIB.txt"
	both qmIpsecMIB ''
	both 'qmIpsecActiveSA."tcp:default"' ".1.2.1.1$(index tcp:default)"
	check_both
done

if [ "$failures" -gt 0 ]; then
	echo "$failures failures in $checks checks" >&2
	exit 1
fi
echo "$checks names and syntaxes are right"
