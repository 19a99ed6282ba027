# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Records docs/figures/rekey.csv: the bytes that an iSCSI disk has sent over ESP during
# rekeys, as counted by qmipsecd, `ip -s xfrm state` and TCP.
#
#	tests/lab/run --keep-log DIR figure && cp DIR/figure/rekey.csv docs/figures/
#
# kind: show
# limit: 900

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

HBA=tcp:default
SAMPLES=48
REKEY_EVERY=8 # samples

# The index of the row, a string after its length.
index "$HBA"

# Few forks, which are slow here, so that the samples are close in time.
qmipsecd_counts()
{
	# shellcheck disable=SC2086 # several options
	snmpget -v2c -c public $PATIENT -m '' -Oqv 127.0.0.1:1161 \
		"$ROOT.1.2.1.11.$INDEX" "$ROOT.1.2.1.5.$INDEX" | xargs
}

# shellcheck disable=SC2016 # awk's own
ip_bytes()
{
	ip -s xfrm state | awk -v out="src ${ADDR[init.4]} " '
		/^src / { mine = index($0, out) == 1 }
		mine && match($0, /[0-9]+\(bytes\), [0-9]+\(packets\)/) { sum += $1 }
		END { printf "%d\n", sum }'
}

# All three are read while the disk is idle, so they show the same moment.
sample()
{
	local qmipsecd tcp

	read -ra qmipsecd < <(qmipsecd_counts)
	read -ra tcp < <(tcp_bytes init "dport = 3260")
	echo "$1,${qmipsecd[0]},$(ip_bytes),${tcp[0]},${qmipsecd[1]}"
}

wire init target
start_snmpd init
start_qmipsecd init "$(config hba "instance $HBA local ${ADDR[init.4]}")"
ike init target transport "${ADDR[init.4]}/32[tcp]" "${ADDR[target.4]}/32[tcp/3260]"
ike_up init
start_target target
login target
head -c 1M /dev/urandom >/tmp/lab/blocks

echo "milliseconds,qmipsecd_bytes,ip_bytes,tcp_bytes,rekeys" >/out/rekey.csv
start=${EPOCHREALTIME/./}
for n in $(seq $SAMPLES); do
	if [ $((n % REKEY_EVERY)) = $((REKEY_EVERY / 2)) ]; then
		ike_rekey init &
		write_disk /tmp/lab/blocks
		wait $!
	else
		write_disk /tmp/lab/blocks
	fi
	now=${EPOCHREALTIME/./}
	sample $(((now - start) / 1000)) | tee -a /out/rekey.csv
done

# The last sample: the first ones would be equal even without a rekey.
IFS=, read -r _ qmipsecd ip tcp rekeys < <(tail -n 1 /out/rekey.csv)
is "qmipsecd has what TCP has sent" "$qmipsecd" "$tcp"
is "each rekey is counted" "$rekeys" $((SAMPLES / REKEY_EVERY))
check "ip shows less" test "$ip" -lt "$qmipsecd"
