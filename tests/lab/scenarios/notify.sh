# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Notifications, from the kernel's IPsec and iSCSI to snmptrapd: peers that come, go and
# flap, an HBA with and without SAs, rejected packets, and snmpd away meanwhile.
# limit: 450

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

ROW=tcp:default
TRAPS=$LOGS/snmptrapd.log

wire init target
PEER=${ADDR[target.4]}
echo "disableAuthorization yes" >/tmp/lab/snmptrapd.conf
background snmptrapd init env SNMP_PERSISTENT_DIR=/tmp/lab/snmptrapd snmptrapd -f -C \
	-c /tmp/lab/snmptrapd.conf -Lo -n -M /build/mib -m QMIPSEC-MIB -OQU \
	-F 'TRAP %V; %v\n' udp:127.0.0.1:1162
eventually 60 grep -q NET-SNMP "$TRAPS"
start_snmpd init "trap2sink 127.0.0.1:1162 public"
start_qmipsecd init "$(config notify "pollInterval 0.5" "peerHoldDown 1" "notifyHoldDown 1" \
	"notify all" "notify errors 10 3600")"
sleep 3 # what appears within two seconds is known

# received KIND [OBJECT…]: how many have arrived that have these objects.
received()
{
	awk 'BEGIN { for (i = 1; i < ARGC - 1; i++) { want[i] = ARGV[i]; ARGV[i] = "" } }
		{ for (i in want) if (!index($0, want[i])) next; n++ }
		END { print n + 0 }' "qmIpsec$1;" "${@:2}" "$TRAPS"
}

has_received() { [ "$(received "${@:2}")" = "$1" ]; }

# notified COUNT KIND [OBJECT…]
notified()
{
	eventually 60 has_received "$@" || true
	is "$2 ${*:3}" "$(received "${@:2}")" "$1"
}

peer_up() { sa_pair init target 0x100 mode=transport cipher=cbc; }
peer_down() { on init ip xfrm state flush; on target ip xfrm state flush; }

is "nothing is notified at the start" "$(grep -c 'TRAP .*qmIpsec' "$TRAPS" || true)" 0

peer_up
notified 1 PeerUp "qmIpsecPeerLabel.\"unattributed\".\"$PEER\" = $PEER" \
	"qmIpsecPeerActive.\"unattributed\".\"$PEER\" = true" \
	"qmIpsecPeerActiveSAs.\"unattributed\".\"$PEER\" = 2"
on init ip xfrm state flush
notified 1 PeerDown "qmIpsecPeerActive.\"unattributed\".\"$PEER\" = false" \
	"qmIpsecPeerActiveSAs.\"unattributed\".\"$PEER\" = 0"

# The other end still has its SAs: what it sends matches none here.
policy init target ADDR 4 "esp transport"
on target bash -c "for _ in {1..12}; do echo late >/dev/udp/${ADDR[init.4]}/9; done"
notified 1 ErrorsRising 'qmIpsecInstanceLabel."unattributed" = unattributed' \
	"qmIpsecNotifyInterval.0 = 3600"
is "it says which, and by how many" \
	"$(grep -c 'qmIpsecNotifyBadSPIPackets.0 = 1[0-2];' "$TRAPS")" 1
on init ip xfrm policy flush
on target ip xfrm policy flush
on target ip xfrm state flush

start_target target
login target
notified 1 InstanceUp "qmIpsecInstanceLabel.\"$ROW\" = $ROW" \
	"qmIpsecInstanceTransport.\"$ROW\" = tcp" "qmIpsecInstanceSessions.\"$ROW\" = 1"
notified 1 InstanceUnprotected "qmIpsecInstanceLabel.\"$ROW\" = $ROW" \
	"qmIpsecInstanceSessions.\"$ROW\" = 1" "qmIpsecInstanceActiveSAs.\"$ROW\" = 0"
logout
notified 1 InstanceDown "qmIpsecInstanceLabel.\"$ROW\" = $ROW"

# Longer up than the hold-downs, and longer down.
before=$(received PeerUp)
start=$SECONDS
for _ in {1..5}; do
	peer_up
	sleep 1.6
	peer_down
	sleep 2.6
done
most=$((3 * ((SECONDS - start) / 10 + 1)))
check "a peer that flaps does not flood" test "$(($(received PeerUp) - before))" -le "$most"
ends_down() { grep 'qmIpsecPeer[UD]' "$TRAPS" | tail -1 | grep -q 'qmIpsecPeerDown'; }
eventually 60 ends_down
pass "its last state has arrived"

# snmpd is away while one state changes.
peer_up
sleep 12 # so that the limit holds nothing back
ends_up() { grep 'qmIpsecPeer[UD]' "$TRAPS" | tail -1 | grep -q 'qmIpsecPeerUp'; }
eventually 60 ends_up
before=$(received PeerDown)
stop snmpd-init
peer_down
sleep 4
start_snmpd init "trap2sink 127.0.0.1:1162 public"
eventually 60 served init
notified $((before + 1)) PeerDown
sleep 3
is "and is not repeated" "$(received PeerDown)" $((before + 1))
