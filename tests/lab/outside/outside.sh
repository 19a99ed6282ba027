# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # run's variables
#
# The other end of a guest's interface vec0: a network namespace of the host, in which the
# servers of a management system run, in a Debian tree of their own. Sourced by run.
#
#	outside/NAME/packages	what the tree has
#	outside/NAME/prepare	optional: runs once, in the new tree, to end its installation
#	outside/NAME/serve	runs the servers, in the tree, until it is killed. /src is the
#				source, /build the scenario's results (/out in the guest).
#				Its output is in outside.log there.
#
# The guest has 10.99.0.2, the outside 10.99.0.1, on its interface lab0. Only /run, /tmp,
# /var/tmp and /build can be written, since several scenarios may share the tree.

outside_packages()
{
	sed 's/#.*//' "$here/outside/$1/packages"
	echo iproute2
}

# For outside_tree, of which it uses $servers.
outside_make_tree()
{
	local prepare=$here/outside/$servers/prepare

	echo "making a $SUITE tree with $servers (once, about 60 s)" >&2
	tree_make "$1" "$(outside_packages "$servers" | xargs | tr ' ' ,)"
	[ ! -e "$prepare" ] || tree_run "$1.new" "$LAB_DIR" \
		"/src/tests/lab/outside/$servers/prepare" >"$1.log" 2>&1 || {
		cat "$1.log" >&2
		tree_die "cannot prepare the tree with $servers"
	}
	rm -f "$1.log"
}

# outside_tree NAME: prints the path of its tree.
outside_tree()
{
	local servers=$1

	tree_find "outside-$1" "$(outside_packages "$1"
		cat "$here/outside/$1/prepare" 2>/dev/null)" outside_make_tree
}

# outside_start NAME OUT: returns when the wire is there. All of it ends with the process
# that OUT/outside.pid names. The servers may still be starting.
outside_start()
{
	local tree limit=600

	tree=$(outside_tree "$1") || return
	# shellcheck disable=SC2016 # the inner shell's
	unshare --net --pid --fork --kill-child --mount-proc bash -euo pipefail -c '
		. "$1/../../tools/tree.sh"
		[ -e /dev/net/tun ] || { mkdir -p /dev/net && mknod /dev/net/tun c 10 200; }
		tree_run "$2" "$3" bash -euc "
			ip link set lo up
			ip tuntap add dev lab0 mode tap
			ip address add 10.99.0.1/24 dev lab0
			ip link set lab0 up
			touch /build/outside.ready
			exec /src/tests/lab/outside/$4/serve"
	' outside "$here" "$tree" "$2" "$1" >"$2/outside.log" 2>&1 &
	echo $! >"$2/outside.pid"
	until [ -e "$2/outside.ready" ]; do
		kill -0 $! 2>/dev/null && [ $((limit -= 1)) -gt 0 ] || {
			cat "$2/outside.log" >&2
			return 1
		}
		sleep 0.1
	done
}

# outside_network OUT: prints the path of its network namespace.
outside_network()
{
	local child

	# unshare(1) itself stays outside.
	read -r child _ <"/proc/$(cat "$1/outside.pid")/task/$(cat "$1/outside.pid")/children"
	echo "/proc/$child/ns/net"
}

outside_stop()
{
	local pid

	pid=$(cat "$1/outside.pid" 2>/dev/null) || return 0
	kill -KILL "$pid" 2>/dev/null || true # unshare(1) ignores SIGTERM
	wait "$pid" 2>/dev/null || true
	rm -f "$1/outside.pid" "$1/outside.ready"
}
