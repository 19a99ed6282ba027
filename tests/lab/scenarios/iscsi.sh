# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The main task: an iSCSI disk over IPsec, keyed by strongSwan, and the row of its HBA.
# limit: 450

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

ROW=tcp:default

wire init target
start_snmpd init
start_qmipsecd init "$(config hba "instance $ROW local ${ADDR[init.4]} descr \"the lab\"")"
exact_row "before: a row of zeros" init $ROW ActiveSA=0 TransportBytesSent=0

ike init target transport "${ADDR[init.4]}/32[tcp]" "${ADDR[target.4]}/32[tcp/3260]"
start_target target
ike_up init
exact_row "strongSwan made an SA in each direction" init $ROW ActiveSA=2 KeyAdditions=2 \
	ConfidentialBytesSent=0 ReKeys=0 ActiveTunnels=0

login target
pass "logged in: $(disk)"
head -c 2M /dev/urandom >/tmp/lab/blocks
write_disk /tmp/lab/blocks
is "what was written is read again" \
	"$(read_disk $((2 << 20)) | cksum)" "$(cksum </tmp/lab/blocks)"

# Two oracles: ip's SAs, and TCP's counters of the connection.
read -r sent received < <(iscsi_bytes init "dport = 3260")
exact_row "blocks written and read: every column as ip shows it, and as TCP does" \
	init $ROW ConfidentialBytesSent="$sent" ConfidentialBytesReceived="$received" \
	TransportBytesSent="$sent" TransportBytesReceived="$received" \
	AuthenticatedBytesSent=0 TunnelBytesSent=0 ReKeys=0 BadSPIPackets=0
is "more than the blocks went through" "$((sent > (2 << 20) && received > (2 << 20)))" 1
exact_once "--once discovers the HBA, and sees the same" init $ROW \
	ConfidentialBytesSent="$sent" ConfidentialBytesReceived="$received"

# Requests of a manager, by name and by number.
index=${#ROW}.$(printf '%s' "$ROW" | od -An -tu1 | xargs | tr ' ' .)
column=$ROOT.1.2.1.11
is "snmpget by name" "$sent" "$(snmp get init -OqUv \
	"QMIPSEC-MIB::qmIpsecConfidentialBytesSent.\"$ROW\"")"
is "snmpget by number" "$sent" "$(snmp get init -OqUv "$column.$index")"
is "snmpgetnext" "$sent" "$(snmp getnext init -OqUv "$column")"
is "snmpwalk: 18 columns of the row" 18 \
	"$(snmp walk init -OX QMIPSEC-MIB::qmIpsecStatsTable | grep -c "$ROW")"
is "snmpbulkwalk equals snmpwalk" "$(snmp bulkwalk init -On "$ROOT.1.2")" \
	"$(snmp walk init -On "$ROOT.1.2")"
is "everything in the table is a Counter64" 0 \
	"$(snmp walk init -On "$ROOT.1.2" | grep -vc ' = Counter64: ' || true)"
is "snmptable shows the row" 1 \
	"$(snmp table init -Ci QMIPSEC-MIB::qmIpsecStatsTable | grep -c "$ROW.* $sent ")"
is "the instance is active" 1 "$(snmp get init -Oqev "$ROOT.1.1.1.2.$index")"
COMMUNITY=private refuse "a SET is refused" snmp set init "$column.$index" C 1

logout
ike_down init
eventually 60 no_sa init
row_is "after logout and terminate: no SA is left, every deletion counted" init $ROW \
	ActiveSA=0 KeyAdditions=2 KeyDeletions=2 ReKeys=0
check "no byte counter decreased" test "$(row init $ROW ConfidentialBytesSent)" -ge "$sent"
check "qmipsecd ends on request" stop qmipsecd-init
