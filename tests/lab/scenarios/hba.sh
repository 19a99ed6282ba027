# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two HBAs without configuration: two interface records of open-iscsi on two devices,
# one in transport mode to its target, one through a tunnel to a gateway in front of its
# target; and other IPsec traffic.
# limit: 720

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

# init --- disk1          path 1: transport mode
# init --- gw --- disk2   path 2: a tunnel as far as gw
wire init disk1
namespace gw
namespace disk2
INIT2=10.1.0.1 GW=10.1.0.2 DISK2=10.2.0.2
ip link add to-gw type veth peer name to-init netns gw
on gw ip link add to-disk2 type veth peer name to-gw netns disk2
ip -batch - <<-END
	address add $INIT2/24 dev to-gw
	link set to-gw up
	route add 10.2.0.0/24 via $GW
END
on gw ip -batch - <<-END
	address add $GW/24 dev to-init
	address add 10.2.0.1/24 dev to-disk2
	link set to-init up
	link set to-disk2 up
END
on disk2 ip -batch - <<-END
	address add $DISK2/24 dev to-gw
	link set to-gw up
	route add 10.1.0.0/24 via 10.2.0.1
END
on gw sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
eventually 60 ping -c1 -W1 $DISK2

A=${ADDR[init.4]} B=${ADDR[disk1.4]}
{
	connection one $A $B init disk1 transport \
		"iscsi1 $A/32[tcp] $B/32[tcp/3260]" "other1 $A/32[udp] $B/32[udp]"
	connection two $INIT2 $GW init gw tunnel \
		"iscsi2 $INIT2/32[tcp] $DISK2/32[tcp/3260]" \
		"other2 $INIT2/32[udp] $DISK2/32[udp]"
} | load_charon init
connection one $B $A disk1 init transport "iscsi1 $B/32[tcp/3260] $A/32[tcp]" \
	"other1 $B/32[udp] $A/32[udp]" | load_charon disk1
connection two $GW $INIT2 gw init tunnel "iscsi2 $DISK2/32[tcp/3260] $INIT2/32[tcp]" \
	"other2 $DISK2/32[udp] $INIT2/32[udp]" | load_charon gw

# --- the two targets and the initiator -------------------------------------------

modprobe -a iscsi_tcp sd_mod
mkdir -p /run/tgtd
background iscsid init iscsid -f
eventually 60 iscsiadm -m iface
number=0
for ns in disk1 disk2; do
	number=$((number + 1))
	portal=$B
	[ $ns = disk1 ] || portal=$DISK2
	truncate -s 32M /tmp/lab/$ns
	background tgtd-$ns $ns tgtd -f -C $number --iscsi "portal=$portal:3260"
	eventually 60 on $ns tgtadm -C $number --lld iscsi --op show --mode sys
	on $ns tgtadm -C $number --lld iscsi --op new --mode target --tid 1 -T iqn.2026-01.example:$ns
	on $ns tgtadm -C $number --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b /tmp/lab/$ns
	on $ns tgtadm -C $number --lld iscsi --op bind --mode target --tid 1 -I ALL
	iscsiadm -m iface -I path$number -o new
done
iscsiadm -m iface -I path1 -o update -n iface.net_ifacename -v to-disk1
iscsiadm -m iface -I path2 -o update -n iface.net_ifacename -v to-gw

# path NUMBER OPERATION…: iscsiadm for the target of this path.
path()
{
	local portals=("" "$B" "$DISK2")

	iscsiadm -m node -T "iqn.2026-01.example:disk$1" -p "${portals[$1]}:3260" \
		-I "path$1" "${@:2}"
}

# disk_of NUMBER: the device.
disk_of()
{
	iscsiadm -m session -P 3 | awk -v target="iqn.2026-01.example:disk$1" '
		/^Target:/ { mine = $2 == target }
		/Attached scsi disk/ && mine { d = $4 }
		END { if (d == "") exit 1; print "/dev/" d }'
}

log_in()
{
	path "$1" --login
	eventually 60 disk_of "$1"
	eventually 60 test -b "$(disk_of "$1")"
	settled init
}

for n in 1 2; do
	path $n -o new
	for timer in noop_out_interval noop_out_timeout; do
		path $n -o update -n "node.conn[0].timeo.$timer" -v 0
	done
done

# --- the watched numbers ---------------------------------------------------------------

start_snmpd init
start_qmipsecd init "$(config empty)"

# instance ROW COLUMN-NUMBER: of the instance table.
instance()
{
	index "$1"
	get init "$ROOT.1.1.1.$2.$INDEX"
}

# numbers ROW: its byte columns and active SAs, on one line.
numbers()
{
	row init "$1" ActiveSA KeyAdditions KeyDeletions ConfidentialBytesSent \
		ConfidentialBytesReceived TransportBytesSent TransportBytesReceived \
		TunnelBytesSent TunnelBytesReceived
}

# settle: waits longer than the maxAge of config, and for TCP's last acknowledgement.
settle() { iscsi_bytes init "dport = 3260" >/dev/null; }

# kernel_total KEY=VALUE…: the bytes of the kernel's SAs.
kernel_total() { oracle init sum bytes "$@"; }

# closes TEXT: the sum over all rows equals the kernel's, in each direction.
closes()
{
	local sent=0 received=0 name s r

	settled init
	for name in unattributed tcp:path1 tcp:path2; do
		read -r s r < <(row init $name ConfidentialBytesSent ConfidentialBytesReceived)
		sent=$((sent + ${s:-0})) received=$((received + ${r:-0}))
	done
	is "$1: the sum of the rows equals the kernel's" "$sent $received" \
		"$(kernel_total dir=out) $(kernel_total dir=in)"
}

swan init --initiate --child iscsi1 --timeout 60
swan init --initiate --child other1 --timeout 60
row_is "SAs of no HBA: no session yet" init unattributed ActiveSA=4 KeyAdditions=4 KeyDeletions=0

# --- one HBA -----------------------------------------------------------------------

log_in 1
is "an instance by its interface record" "$(instance tcp:path1 4) $(instance tcp:path1 8)" 'tcp 1'
is "it is present" "$(instance tcp:path1 2)" 1
is "its interface" "$(instance tcp:path1 7)" "$(cat /sys/class/net/to-disk1/ifindex)"
is "its initiator name" "$(instance tcp:path1 6)" \
	"$(sed -n 's/^InitiatorName=//p' /etc/iscsi/initiatorname.iscsi)"
row_is "the SAs of its policy belong to it, the others to no row" init tcp:path1 ActiveSA=2
row_is "and the rest stays" init unattributed ActiveSA=2

# inject COMMAND [change…]
inject()
{
	python disk1 inject "$1" --iface to-init --file /tmp/lab/frames "${@:2}"
}

inject record -- traffic udp --left disk1 --right init \
	--source "$B" --dest "$A" --count 1 --size 100
inject send --spi 0xdead --count 11
row_is "one HBA: packets with an unknown SPI are in its row" init tcp:path1 BadSPIPackets=11
row_is "and in no other" init unattributed BadSPIPackets=0
is "ErrorScope is instance" "$(instance tcp:path1 12)" 1

# --- and a second --------------------------------------------------------------------

# All at once: the session exists before any request for its SAs.
swan init --initiate --child iscsi2 --timeout 60
swan init --initiate --child other2 --timeout 60
log_in 2
is "a second instance" "$(instance tcp:path2 4) $(instance tcp:path2 8)" 'tcp 1'
row_is "through the tunnel" init tcp:path2 ActiveSA=2 ActiveTunnels=1
inject send --spi 0xbeef --count 5
row_is "two HBAs: unknown SPIs are the namespace's" init tcp:path1 BadSPIPackets=16
row_is "in each row" init tcp:path2 BadSPIPackets=16
is "ErrorScope is namespace" "$(instance tcp:path1 12) $(instance tcp:path2 12)" "2 2"
settle
closes "before any block"

# moves TEXT DISK ROW OTHER: blocks that are written and read only change ROW, by what
# TCP and the peer's SAs say.
head -c 1M /dev/urandom >/tmp/lab/blocks
moves()
{
	local text=$1 disk=$2 mine=$3 other=$4 extra=$5 before others tcp now sent received
	local filter

	filter="dport = 3260 and dst $6"
	settle
	settled init
	before=$(row init "$mine" ConfidentialBytesSent ConfidentialBytesReceived | xargs)
	others="$(numbers "$other" | xargs) $(numbers unattributed | xargs)"
	tcp=$(tcp_bytes init "$filter" "$extra")
	dd if=/tmp/lab/blocks of="$disk" bs=64k oflag=direct conv=fsync status=none
	is "$text: what was written is read again" "$(dd if="$disk" bs=64k count=16 \
		iflag=direct status=none | cksum)" "$(cksum </tmp/lab/blocks)"
	settle
	settled init
	now=$(row init "$mine" ConfidentialBytesSent ConfidentialBytesReceived | xargs)
	read -r sent received < <(difference "$(tcp_bytes init "$filter" "$extra")" "$tcp")
	is "$text: its row moves by what TCP carried" "$(difference "$now" "$before")" \
		"$sent $received"
	is "$text: more than the blocks" "$((sent > (1 << 20) && received > (1 << 20)))" 1
	is "$text: no other row moves" \
		"$(numbers "$other" | xargs) $(numbers unattributed | xargs)" "$others"
	closes "$text"
}

difference()
{
	local a b

	read -ra a <<<"$1"
	read -ra b <<<"$2"
	echo "$((a[0] - b[0])) $((a[1] - b[1]))"
}

moves "disk 1" "$(disk_of 1)" tcp:path1 tcp:path2 0 "$B"
moves "disk 2" "$(disk_of 2)" tcp:path2 tcp:path1 20 "$DISK2"

# --- traffic that is no iSCSI -----------------------------------------------------------

before="$(numbers tcp:path1 | xargs) $(numbers tcp:path2 | xargs)"
plain=$(row init unattributed ConfidentialBytesSent TunnelBytesSent TransportBytesSent | xargs)
python init traffic udp --left init --right disk1 --source "$A" --dest "$B" \
	--count 50 --size 1000
python init traffic udp --left init --right disk2 --source $INIT2 --dest $DISK2 \
	--count 30 --size 1000
settled init
read -ra was <<<"$plain"
read -ra is_now < <(row init unattributed ConfidentialBytesSent TunnelBytesSent \
	TransportBytesSent | xargs)
is "80 datagrams that are no iSCSI are nobody's" \
	"$((is_now[0] - was[0])) $((is_now[1] - was[1])) $((is_now[2] - was[2]))" \
	"$((50 * 1008 + 30 * 1028)) $((30 * 1028)) $((50 * 1008))"
is "and no HBA's row moves" "$(numbers tcp:path1 | xargs) $(numbers tcp:path2 | xargs)" "$before"
closes "plain traffic"

# --- rekey, logout and login --------------------------------------------------------------

swan init --rekey --child iscsi1
eventually 60 row_has init tcp:path1 ReKeys 1
row_is "a rekey stays in the row" init tcp:path1 ReKeys=1
row_is "and out of the others" init unattributed ReKeys=0
settle
kept=$(row init tcp:path1 ConfidentialBytesSent)
path 1 --logout
settled init
is "logged out: the row stays, not active, without sessions" \
	"$(instance tcp:path1 2) $(instance tcp:path1 8) $(instance tcp:path1 4)" '2 0 tcp'
check "its counters are kept" test "$(row init tcp:path1 ConfidentialBytesSent)" -ge "$kept"
is "the other one is as it was" "$(instance tcp:path2 2) $(instance tcp:path2 8)" "1 1"
is "and alone: what comes now is its own" "$(instance tcp:path2 12)" 1
kept=$(row init tcp:path1 ConfidentialBytesSent)
log_in 1
is "logged in: the same row is active again" "$(instance tcp:path1 2) $(instance tcp:path1 8)" "1 1"
check "and goes on" test "$(row init tcp:path1 ConfidentialBytesSent)" -gt "$kept"
is "there are three rows" "$(snmp walk init -Oqn "$ROOT.1.1.1.2" | grep -c .)" 3
sums_close "the end" init tcp:path1 tcp:path2 unattributed
check "qmipsecd ends on request" stop qmipsecd-init
