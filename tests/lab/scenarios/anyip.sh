# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Addresses that are local but not on an interface: by a route of type local (AnyIP), by
# a rule (as for TPROXY), as a group, in a VRF. No SA has a replay window, so that only
# the addresses show the direction.
# limit: 900

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

wire left right
COUNT=20 SIZE=500

# With this, the right end of sa_pair, policy and traffic is not on an interface.
RIGHT_WIRE4=${ADDR[right.4]} RIGHT_WIRE6=${ADDR[right.6]}
ADDR[right.4]=10.77.0.1
ADDR[right.6]=fd77::1
on left ip -batch - <<-END
	route add 10.77.0.0/24 via $RIGHT_WIRE4
	route add fd77::/64 via $RIGHT_WIRE6
END

# there TEXT BYTES [COLUMN=VALUE…]: the right end has received so many bytes, and
# nothing else.
there()
{
	local text=$1 bytes=$2

	shift 2
	exact_once "$text" right unattributed --local "$RIGHT_LOCAL" \
		ConfidentialBytesReceived="$bytes" ConfidentialBytesSent=0 "$@"
}

for family in 4 6; do
	RIGHT_LOCAL=${ADDR[right.$family]}
	if [ $family = 4 ]; then
		on right ip route add local 10.77.0.0/24 dev lo
		header=20
	else
		on right ip -6 route add local fd77::/64 dev lo
		# for the socket that receives
		on right sh -c 'echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind'
		header=40
	fi

	sa left right 0x100 family=$family window=0
	policy left right ADDR $family "esp transport"
	FAMILY=$family traffic udp ADDR left right --count $COUNT --size $SIZE
	there "AnyIP, transport, IPv$family" $((COUNT * (SIZE + 8)))
	flush left right

	# before any packet, only the address shows that a tunnel begins there
	sa_pair left right 0x200 family=$family window=0 mode=tunnel
	there "AnyIP, an idle tunnel, IPv$family" 0 ActiveTunnels=1 ActiveSA=2
	policy left right INNER $family "esp tunnel"
	FAMILY=$family traffic udp INNER left right --count $COUNT --size $SIZE
	there "AnyIP, tunnel, IPv$family" $((COUNT * (SIZE + 8 + header))) ActiveTunnels=1
	flush left right
done

# Configured instances for a local address, for a prefix of which a part is local, and
# for an address that is not local.
conf=$(config vips "instance vip local 10.77.0.1" "instance part local 10.88.0.0/16" \
	"instance none local 10.99.0.1" "instance vip6 local fd77::1")
active()
{
	once right "$conf" | python3 -c '
import json, sys
rows = json.load(sys.stdin)["instances"]
print(*sorted(row["name"] for row in rows if row["active"]))'
}
is "instances of local addresses are active" "$(active)" "unattributed vip vip6"
on right ip route add local 10.88.0.5 dev lo
on left ip route add 10.88.0.0/16 via $RIGHT_WIRE4
ADDR[right.4]=10.88.0.5
sa left right 0x300 window=0
is "so is that of a prefix with SAs" "$(active)" "part unattributed vip vip6"
policy left right ADDR 4 "esp transport"
traffic udp ADDR left right --count $COUNT --size $SIZE
rm -f /tmp/lab/once.json
once right "$conf" >/tmp/lab/once.json
check "and the bytes belong to it" oracle right compare \
	--json /tmp/lab/once.json --row part --local 10.88.0.5 ActiveSA=1 \
	ConfidentialBytesReceived=$((COUNT * (SIZE + 8)))
flush left right

# send ADDRESS: datagrams without a receiver.
send()
{
	on left python3 -c "
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range($COUNT):
    sock.sendto(bytes($SIZE), ('$1', 4000))"
}

# has_come: the only SA on the right has counted all of them.
# shellcheck disable=SC2317 # for eventually
has_come() { on right ip -s xfrm state | grep -q "$((COUNT * (SIZE + 8)))(bytes), $COUNT("; }

# to ADDRESS TEXT [OPTIONS…]: one SA to it, without a policy on the right.
to()
{
	local addr=$1 text=$2

	ADDR[right.4]=$addr RIGHT_LOCAL=$addr
	sa left right 0x400 window=0
	policy_to "$addr"
	send "$addr"
	eventually 60 has_come
	there "$text" $((COUNT * (SIZE + 8)))
	exact_once "$text, as its sender has it" left unattributed \
		ConfidentialBytesSent=$((COUNT * (SIZE + 8))) ConfidentialBytesReceived=0
	flush left right
}

policy_to()
{
	on left ip xfrm policy add src "${ADDR[left.4]}" dst "$1" proto udp dir out \
		tmpl src "${ADDR[left.4]}" dst "$1" proto esp mode transport
}

# Packets from this interface are local, whatever their address. A lookup of the host's
# own routes does not show that.
on left ip route add 198.51.100.0/24 via $RIGHT_WIRE4
on right ip route add local default dev lo table 100
on right ip rule add iif to-left lookup 100
to 198.51.100.7 "local by a rule"
on right ip rule del iif to-left lookup 100

# A group that the right end has joined.
on left ip route add 239.0.0.0/8 dev to-right
background member right python3 -c "
import socket, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                socket.inet_aton('239.1.2.3') + socket.inet_aton('$RIGHT_WIRE4'))
time.sleep(3600)"
# shellcheck disable=SC2317 # for eventually
is_member() { on right ip maddr show dev to-left | grep 239.1.2.3; }
eventually 60 is_member
to 239.1.2.3 "a group"
stop member

# An interface in a VRF; then another VRF has the peer's address.
on right ip link add red type vrf table 10
on right ip link set red up
on right ip link set to-left master red
to $RIGHT_WIRE4 "an address in a VRF"
on right ip -batch - <<-END
	link add blue type vrf table 20
	link set blue up
	link add blue0 type veth peer name blue1
	link set blue0 master blue
	address add ${ADDR[left.4]}/24 dev blue0
	link set blue0 up
END
to $RIGHT_WIRE4 "an address in a VRF, its peer's in another"
