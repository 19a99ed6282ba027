# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A demonstration of the main task: tests/lab/run --show demo
# kind: show
# limit: 330

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

HBA=tcp:default

bold='' plain=''
if [ "$LAB_SHOW" = color ]; then
	bold=$'\033[1m' plain=$'\033[0m'
fi

step() { printf '\n%s==> %s%s\n' "$bold" "$*" "$plain"; }
quietly() { "$@" >>"$LOGS/demo.log" 2>&1; }
indented() { sed 's/^/    /'; }

table() { "$QMIPSECD" --once --format=table -c /tmp/lab/hba.conf | indented; }

# counters: the important columns, over SNMP, on one line.
counters()
{
	local values

	read -ra values < <(row init $HBA ConfidentialBytesSent \
		ConfidentialBytesReceived ReKeys ActiveSA)
	printf '    sent %11d   received %11d   rekeys %d   live SAs %d   %s\n' \
		"${values[@]}" "$1"
}

# same_as_tcp: the bytes of the connection, computed from TCP's own counters, must equal
# those of qmipsecd. On a busy machine a last acknowledgement can come between the two.
same_as_tcp()
{
	eventually 30 agree_with_tcp || true
	printf '    sent %11d   received %11d   by TCP\n' "${TCP[@]}"
	counters "by qmipsecd"
	agree_with_tcp
	echo "    the same to the byte"
}

agree_with_tcp()
{
	read -ra TCP < <(iscsi_bytes init "dport = 3260")
	[ "${TCP[*]}" = "$(row init $HBA ConfidentialBytesSent ConfidentialBytesReceived)" ]
}

step "A Linux kernel with real IPsec is up: $(uname -r), two network namespaces, a wire"
wire init target
config hba "instance $HBA local ${ADDR[init.4]} descr \"the demo's HBA\"" >/dev/null
on init ip -brief address show to-target | indented

step "Starting snmpd, and qmipsecd as its subagent"
start_snmpd init
start_qmipsecd init /tmp/lab/hba.conf

step "strongSwan at both ends negotiates ESP for iSCSI (transport mode, tcp/3260)"
ike init target transport "${ADDR[init.4]}/32[tcp]" \
	"${ADDR[target.4]}/32[tcp/3260]" >>"$LOGS/demo.log"
quietly ike_up init
ip xfrm state | grep -E '^src|proto' | indented

step "qmipsecd: the table before any traffic"
table

step "Logging in to the iSCSI target over ESP"
quietly start_target target
quietly login target
echo "    the disk is $(disk), $(cat "/sys/block/$(basename "$(disk)")/device/model")"

step "Writing 4 MiB to the disk, reading them again"
head -c 4M /dev/urandom >/tmp/lab/blocks
counters "before"
write_disk /tmp/lab/blocks
counters "after writing"
read_disk $((4 << 20)) >/tmp/lab/again
counters "after reading"
cmp /tmp/lab/blocks /tmp/lab/again
echo "    what was read is what was written"

step "qmipsecd: the table after"
table

step "The same numbers from elsewhere: what TCP says that the connection carried"
same_as_tcp

step "Three rekeys while blocks are written: each makes new SAs, that count from 0"
touch /tmp/lab/busy
while [ -e /tmp/lab/busy ]; do
	write_disk /tmp/lab/blocks
done &
for n in 1 2 3; do
	quietly ike_rekey init
	sleep 1
	counters "after rekey $n"
done
rm /tmp/lab/busy
wait $!

step "ip sees only the SAs that live now; qmipsecd has lost nothing"
printf '    sent %11d   by the SAs that ip shows\n' "$(oracle init sum bytes dir=out)"
same_as_tcp

step "What a manager sees: snmpget by name"
for name in ActiveSA ReKeys ConfidentialBytesSent; do
	echo "    $ snmpget -m QMIPSEC-MIB … 'QMIPSEC-MIB::qmIpsec$name.\"$HBA\"'"
	snmp get init "QMIPSEC-MIB::qmIpsec$name.\"$HBA\"" | indented
done

step "snmptable"
snmp table init -OU -Ci -Cb -Cw 100 QMIPSEC-MIB::qmIpsecStatsTable | indented

step "The peers of each instance: here the target's portal"
snmp table init -OU -Ci -CB -Cb -Cw 100 QMIPSEC-MIB::qmIpsecPeerTable | indented
