# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Shared by the tests of the Debian package. Sourced, with "set -euo pipefail".

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/uml.sh
. "$here/../../tools/uml.sh"
# shellcheck disable=SC2034 # for those who source this
packages=$build/package

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

passed=0
pass() { echo "ok $*" && passed=$((passed + 1)); }

# is TEXT ACTUAL EXPECTED
is()
{
	[ "$2" = "$3" ] || die "not ok $1" "expected: $3" "actual: $2"
	pass "$1"
}

# The .deb of that name.
deb_of() { echo "$packages/$1"_*.deb; }

# Those that belong together, the daemon first.
debs() { deb_of qmipsecd && deb_of qmipsecd-mib && deb_of qmipsecd-managers; }

# apart COMMAND…: in its own namespaces, without a network. Its mounts and processes end
# with it.
apart()
{
	unshare --mount --net --uts --ipc --pid --fork --kill-child "$@"
}

# What the chroots of Debian's builders have, too. The tree itself is only read.
mount_api()
{
	mount -t proc proc "$1/proc"
	mount -t devtmpfs none "$1/dev" 2>/dev/null || mount --rbind /dev "$1/dev"
	mkdir -p "$1/dev/pts"
	mount -t devpts -o newinstance,mode=620,gid=5,ptmxmode=666 devpts "$1/dev/pts"
}

# --- the tree that it is installed in -------------------------------------------------

# The dependencies of the packages, what the tests in it need, and an init and a kernel
# for the test that boots it.
RUN_PACKAGES=adduser,apt-utils,dpkg-dev,iproute2,iputils-ping,kmod,"$suite_libraries",netbase
RUN_PACKAGES+=,libmonitoring-plugin-perl,libsnmp-perl
RUN_PACKAGES+=,procps,python3,snmp,snmpd,systemd,systemd-sysv,user-mode-linux

make_run_tree()
{
	echo "making a tree to install packages in (once, about 40 s)" >&2
	tree_make "$1" "$RUN_PACKAGES"
	# apt-utils makes it with the first package; it is not part of this package.
	mkdir -p "$1.new/var/cache/debconf/tmp.ci"
	uml_link_modules "$1.new"
}

run_tree() { tree_find run "$RUN_PACKAGES $(cat "$here/lib.sh")" make_run_tree; }
