# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# strongSwan, for lib.sh: a charon for each namespace, and its connections.

# swan NAMESPACE ARGUMENTS…: swanctl for that namespace's charon.
swan()
{
	local ns=$1 command=$2

	shift 2
	# On stderr it reports each plugin that Debian does not ship.
	on "$ns" swanctl "$command" --uri "unix:///tmp/lab/charon-$ns/run/charon.vici" \
		"$@" 2>>"$LOGS/swanctl-$ns.log"
}

# start_charon NAMESPACE: with its own /run, so that two do not conflict.
start_charon()
{
	local dir=/tmp/lab/charon-$1

	mkdir -p "$dir/run"
	cat >"$dir/strongswan.conf" <<-END
		charon {
			load_modular = yes
			install_routes = no
			${CHARON_EXTRA:-}
			plugins {
				include /etc/strongswan.d/charon/*.conf
			}
			filelog {
				log {
					path = $LOGS/charon-$1-ike.log
					flush_line = yes
					time_format = %T
				}
			}
		}
	END
	# shellcheck disable=SC2016 # the inner shell expands them
	background "charon-$1" "$1" unshare -m bash -c '
		mount --bind "$1/run" /run
		exec env STRONGSWAN_CONF="$1/strongswan.conf" /usr/lib/ipsec/charon
	' charon "$dir"
	eventually 60 charon_answers "$1"
}

# A charon that is asked while it starts may never answer that request.
charon_answers()
{
	on "$1" timeout 10 swanctl --stats --uri "unix:///tmp/lab/charon-$1/run/charon.vici" \
		2>>"$LOGS/swanctl-$1.log"
}

# connection NAME LOCAL REMOTE ID PEER-ID MODE CHILD…: a connection for swanctl.conf, from
# address LOCAL to REMOTE. A child is "NAME LOCAL-TS REMOTE-TS"; $ESP is its proposal, and
# ${IKE_EXTRA[ID]} are further settings. They rekey only when the scenario requests it.
declare -A IKE_EXTRA=()

connection()
{
	local name=$1 local=$2 remote=$3 id=$4 peer=$5 mode=$6 child words

	shift 6
	cat <<-END
		connections {
			$name {
				version = 2
				proposals = aes128-sha256-modp1024
				rekey_time = 0
				${IKE_EXTRA[$id]:-}
				local_addrs = $local
				remote_addrs = $remote
				local {
					auth = psk
					id = $id
				}
				remote {
					auth = psk
					id = $peer
				}
				children {
	END
	for child; do
		read -ra words <<<"$child"
		cat <<-END
			${words[0]} {
				mode = $mode
				local_ts = ${words[1]}
				remote_ts = ${words[2]}
				esp_proposals = ${ESP:-aes128-sha256}
				rekey_time = 0
			}
		END
	done
	echo "}"
	echo "}"
	echo "}"
}

# load_charon NAMESPACE: starts its charon with the connections from stdin. CHARON_EXTRA
# are further settings of the daemon.
load_charon()
{
	{
		cat
		cat <<-END
			secrets {
				ike-lab {
					secret = "nothing here is secret"
				}
			}
		END
	} >"/tmp/lab/$1.swanctl"
	start_charon "$1"
	mv "/tmp/lab/$1.swanctl" "/tmp/lab/charon-$1/swanctl.conf"
	swan "$1" --load-all --file "/tmp/lab/charon-$1/swanctl.conf"
}

# ike LEFT RIGHT MODE LEFT-TS RIGHT-TS [FAMILY]: two charons with one child, "lab", which
# LEFT can initiate.
ike()
{
	local left=$1 right=$2 mode=$3 family=${6:-4}

	load_charon "$left" < <(connection lab "${ADDR[$left.$family]}" \
		"${ADDR[$right.$family]}" "$left" "$right" "$mode" "lab $4 $5")
	load_charon "$right" < <(connection lab "${ADDR[$right.$family]}" \
		"${ADDR[$left.$family]}" "$right" "$left" "$mode" "lab $5 $4")
}

ike_up() { swan "$1" --initiate --child lab --timeout 60; }
ike_rekey() { swan "$1" --rekey --child lab; }
ike_down() { swan "$1" --terminate --ike lab --timeout 60; }
