# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every kind of SA, known traffic in both directions, every column at both ends.
# limit: 540

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

wire left right
COUNT_THERE=20 SIZE_THERE=500
COUNT_BACK=10 SIZE_BACK=1200

# send PLACE FAMILY: from left to right, and back.
send()
{
	FAMILY=$2 traffic udp "$1" left right --count $COUNT_THERE --size $SIZE_THERE \
		--back-count $COUNT_BACK --back-size $SIZE_BACK
}

# exact TEXT SA-COUNT CONFIDENTIAL AUTHENTICATED TRANSPORT TUNNEL: both ends agree with
# ip in all columns, and with the sizes of what was sent. The last four are the bytes
# that the SA adds to the payload of a datagram, or "no".
exact()
{
	local text=$1 sas=$2 ns words word extra there back columns

	shift 2
	words=(Confidential Authenticated Transport Tunnel)
	for ns in left right; do
		columns=(ActiveSA="$sas" KeyAdditions="$sas")
		for word in "${words[@]}"; do
			extra=$1
			shift
			set -- "$@" "$extra"
			there=0 back=0
			if [ "$extra" != no ]; then
				there=$((COUNT_THERE * (SIZE_THERE + extra)))
				back=$((COUNT_BACK * (SIZE_BACK + extra)))
			fi
			if [ "$ns" = left ]; then
				columns+=("${word}BytesSent=$there" "${word}BytesReceived=$back")
			else
				columns+=("${word}BytesSent=$back" "${word}BytesReceived=$there")
			fi
		done
		exact_once "$text, $ns" "$ns" unattributed "${columns[@]}"
	done
	flush left right
}

for family in 4 6; do
	header=20
	[ $family = 4 ] || header=40

	for cipher in gcm cbc null; do
		sa_pair left right 0x100 family=$family cipher=$cipher
		policy left right ADDR $family "esp transport"
		send ADDR $family
		exact "ESP $cipher transport IPv$family" 2 8 no 8 no
	done

	sa_pair left right 0x200 mode=tunnel family=$family
	policy left right INNER $family "esp tunnel"
	send INNER $family
	exact "ESP tunnel IPv$family" 2 $((8 + header)) no no $((8 + header))

	sa_pair left right 0x300 proto=ah family=$family
	policy left right ADDR $family "ah transport"
	send ADDR $family
	exact "AH transport IPv$family" 2 no 8 8 no

	sa_pair left right 0x400 proto=ah mode=tunnel family=$family
	policy left right INNER $family "ah tunnel"
	send INNER $family
	exact "AH tunnel IPv$family" 2 no $((8 + header)) no $((8 + header))
done

# With extended sequence numbers, the replay window is in another attribute.
sa_pair left right 0x500 cipher=cbc flag=esn window=64
policy left right ADDR 4 "esp transport"
send ADDR 4
exact "ESP with ESN" 2 8 no 8 no

sa_pair left right 0x600 mode=beet reqid=6
policy left right INNER 4 "esp beet reqid 6"
send INNER 4
exact "ESP BEET" 2 8 no 8 no

# Two SAs for each packet, and each counts what it carries. AH carries the ESP packet:
# with these sizes GCM adds 16 + 2 + 2 + 16 bytes to what ESP counted.
sa_pair left right 0x700
sa_pair left right 0x710 proto=ah
policy left right ADDR 4 "esp transport" "ah transport"
send ADDR 4
for ns in left right; do
	words=(Sent Received)
	[ $ns = left ] || words=(Received Sent)
	exact_once "ESP inside AH, $ns" $ns unattributed ActiveSA=4 \
		"ConfidentialBytes${words[0]}=$((20 * 508))" \
		"AuthenticatedBytes${words[0]}=$((20 * 544))" \
		"TransportBytes${words[0]}=$((20 * (508 + 544)))" \
		"ConfidentialBytes${words[1]}=$((10 * 1208))" \
		"AuthenticatedBytes${words[1]}=$((10 * 1244))" \
		"TransportBytes${words[1]}=$((10 * (1208 + 1244)))"
done
flush left right

# IPComp and its helper SA have no keys. The compressed size depends on zlib, so only ip
# knows what ESP carried.
sa_pair left right 0x800 proto=comp mode=tunnel
sa_pair left right 0x810
policy left right INNER 4 "comp tunnel" "esp transport"
send INNER 4
for ns in left right; do
	is "IPComp and ESP, $ns: ip shows 2 IPComp SAs and 2 helpers besides" \
		"$(count_sas $ns)" 6
	exact_once "IPComp and ESP, $ns" $ns unattributed ActiveSA=2 \
		TunnelBytesSent=0 TunnelBytesReceived=0
done
