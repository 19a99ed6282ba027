# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Captures what this kernel says, for the corpora of tests/fuzz: SAs of every kind, in
# dumps and events, policies, links, addresses, routes, xfrm_stat, sysfs with an iSCSI
# session, and the daemon's state file.
#
#	tests/lab/run --keep-log DIR capture      to DIR/capture/captured
#
# kind: show
# limit: 900

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

DIR=/out/captured
NS=init

# watch_events: captures all events until watch_end.
watch_events()
{
	touch /tmp/lab/watch
	python_start watch /tmp/lab/watch.log $NS capture watch --dir $DIR --file /tmp/lab/watch
	sleep 1
}

watch_end()
{
	sleep 1
	rm /tmp/lab/watch
	python_end watch /tmp/lab/watch.log || true
}

dump() { python $NS capture dump --dir $DIR; }

# attempt COMMAND…: not every kernel can do this.
attempt() { "$@" || echo "this kernel cannot: $*"; }

wire $NS target
modprobe -qa crypto_null xfrm_interface ip_vti || true # where they are modules
attempt ip link add xfrm42 type xfrm dev to-target if_id 42
attempt ip link set xfrm42 up
attempt ip link add vti7 type vti local "${ADDR[$NS.4]}" remote "${ADDR[target.4]}" key 7
start_snmpd $NS
start_qmipsecd $NS "$(config captured "instance a remote ${ADDR[target.4]}")"
watch_events
dump

# --- every kind of SA -----------------------------------------------------------------

spi=256
for family in 4 6; do
	for kind in "" "cipher=cbc" "cipher=null" "mode=tunnel" "proto=ah" \
		"proto=ah mode=tunnel" "mode=beet" "proto=comp mode=tunnel" \
		"cipher=cbc flag=esn window=64" "ifid=42 mode=tunnel" "mark=7/255"; do
		# shellcheck disable=SC2086 # several words
		sa_pair $NS target $spi family=$family reqid=$spi $kind
		spi=$((spi + 16))
	done
done
attempt sa $NS target 0x1000 dir=yes
attempt sa $NS target 0x1001 pcpu=0
attempt sa $NS target 0x1002 "limit=packet-hard 3"
attempt sa $NS target 0x1003 "limit=time-soft 1"
policy $NS target ADDR 4 "esp transport reqid 256"
policy $NS target INNER 4 "esp tunnel reqid 304"
policy $NS target INNER 6 "esp tunnel" "ah transport"
ip xfrm policy add src 10.9.0.0/16 dst 10.8.0.0/16 dir out if_id 42 priority 5 \
	tmpl proto esp mode tunnel
ip xfrm policy add src 10.9.0.0/16 dst 10.8.0.0/16 dir out mark 7 mask 0xff action block
ip xfrm policy add src fd00::/64 dst fd01::/64 dport 3260 proto tcp dir fwd ptype main \
	tmpl proto esp mode tunnel level use
traffic udp ADDR $NS target --count 10 --size 500 --back-count 5 --back-size 100
traffic udp INNER $NS target --count 10 --size 500 --back-count 5 --back-size 100
dump
python $NS xfrm larval 0x2000 3 --source "${ADDR[target.4]}" --dest "${ADDR[$NS.4]}"
python $NS xfrm churn 0x3000 3 --source "${ADDR[$NS.4]}" --dest "${ADDR[target.4]}"
attempt python $NS xfrm publish 0x100 --bytes 123456 --packets 99 \
	--source "${ADDR[$NS.4]}" --dest "${ADDR[target.4]}"
sleep 2
dump
attempt ip xfrm state deleteall proto ah
ip xfrm policy delete src 10.9.0.0/16 dst 10.8.0.0/16 dir out if_id 42
ip xfrm state flush proto comp
dump

# --- a session, and the state -----------------------------------------------------------

start_target target
login target
dump
python $NS capture sysfs --dir $DIR/sysfs
stop qmipsecd-$NS
cp /tmp/lab/qmipsecd-$NS/*.state $DIR/
flush $NS target
dump
watch_end
find $DIR -type f | wc -l
