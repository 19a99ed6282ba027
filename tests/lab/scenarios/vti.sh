# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Route-based IPsec: policies for any traffic, distinguished by the marks of two VTIs,
# and an iSCSI session through one of them.
# limit: 540

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

wire init disk
modprobe ip_vti
A=${ADDR[init.4]} B=${ADDR[disk.4]}

# vti NAMESPACE LOCAL REMOTE KEY INNER: an interface vtiKEY, with one inner address. Its
# MTU leaves room for ESP, since a packet that is too big never reaches an SA, but TCP
# counts it.
vti()
{
	on "$1" ip -batch - <<-END
		link add vti$4 type vti local $2 remote $3 key $4
		address add $5/24 dev vti$4
		link set vti$4 up mtu 1380
		xfrm policy add dir out mark $4 mask 0xffffffff tmpl src $2 dst $3 proto esp mode tunnel reqid $4
		xfrm policy add dir in mark $4 mask 0xffffffff tmpl src $3 dst $2 proto esp mode tunnel reqid $4
	END
	on "$1" sh -c "echo 1 >/proc/sys/net/ipv4/conf/vti$4/disable_policy"
}

# Two interfaces cannot have the same ends, so the second one has other addresses.
ip address add 10.0.0.101/24 dev to-disk
on disk ip address add 10.0.0.102/24 dev to-init
vti init "$A" "$B" 7 192.168.7.1
vti disk "$B" "$A" 7 192.168.7.2
vti init 10.0.0.101 10.0.0.102 8 192.168.8.1
vti disk 10.0.0.102 10.0.0.101 8 192.168.8.2
sa_pair init disk 0x700 mode=tunnel reqid=7 mark=7/0xffffffff
ADDR[init.4]=10.0.0.101 ADDR[disk.4]=10.0.0.102
sa_pair init disk 0x800 mode=tunnel reqid=8 mark=8/0xffffffff
ADDR[init.4]=192.168.7.1 ADDR[disk.4]=192.168.7.2
eventually 60 ping -c1 -W1 192.168.7.2
eventually 60 ping -c1 -W1 192.168.8.2

start_snmpd init
start_qmipsecd init "$(config empty)"
row_is "four SAs of no HBA" init unattributed ActiveSA=4 ActiveTunnels=2
start_target disk 16
login disk
row_is "the session has the two of its interface" init tcp:default ActiveSA=2 ActiveTunnels=1
row_is "and the other two stay" init unattributed ActiveSA=2 ActiveTunnels=1
iscsi_bytes init "dport = 3260" >/dev/null
settled init
before=$(row init tcp:default TunnelBytesSent TunnelBytesReceived | xargs)
others=$(row init unattributed TunnelBytesSent TunnelBytesReceived | xargs)
read -ra tcp < <(tcp_bytes init "dport = 3260" 20)
head -c 1M /dev/urandom >/tmp/lab/blocks
write_disk /tmp/lab/blocks
is "what was written is read again" "$(read_disk $((1 << 20)) | cksum)" "$(cksum </tmp/lab/blocks)"
iscsi_bytes init "dport = 3260" >/dev/null
settled init
read -ra now < <(row init tcp:default TunnelBytesSent TunnelBytesReceived | xargs)
read -ra was <<<"$before"
read -ra tcp_now < <(tcp_bytes init "dport = 3260" 20)
is "the blocks are in its row, as TCP counts" \
	"$((now[0] - was[0])) $((now[1] - was[1]))" \
	"$((tcp_now[0] - tcp[0])) $((tcp_now[1] - tcp[1]))"
python init traffic udp --left init --right disk --source 192.168.8.1 \
	--dest 192.168.8.2 --count 20 --size 500
settled init
read -ra now < <(row init unattributed TunnelBytesSent TunnelBytesReceived | xargs)
read -ra was <<<"$others"
is "what goes through the other interface is not" "$((now[0] - was[0]))" $((20 * 528))
is "both rows are the sum of the kernel" \
	"$((now[0] + $(row init tcp:default TunnelBytesSent)))" \
	"$(oracle init sum bytes dir=out)"
logout
