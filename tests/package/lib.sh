# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Shared by the tests of the Debian package. Sourced, with "set -euo pipefail".

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
build=${BUILD:-$top/build}
# shellcheck disable=SC2034 # for those who source this
packages=$build/package
# shellcheck source=tools/tree.sh
. "$top/tools/tree.sh"

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

# apart COMMAND…: in its own namespaces, without a network. Its mounts and processes end
# with it.
apart()
{
	unshare --mount --net --uts --ipc --pid --fork --kill-child "$@"
}

# A chroot needs these two. The tree itself is only read.
mount_api()
{
	mount -t proc proc "$1/proc"
	mount -t devtmpfs none "$1/dev" 2>/dev/null || mount --rbind /dev "$1/dev"
}

# --- the tree that a package is built in ---------------------------------------------

make_build_tree()
{
	echo "making a tree to build packages in (once, about 40 s)" >&2
	# The build dependencies are only in debian/control.
	# shellcheck disable=SC2016 # mmdebstrap's own
	tree_make "$1" build-essential \
		--customize-hook='mkdir -p "$1/build/debian"' \
		--customize-hook="copy-in '$top/debian/control' /build/debian" \
		--customize-hook='APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq -y --no-install-recommends -o DPkg::Chroot-Directory="$1" build-dep "$1/build" >"$1/build/log" 2>&1 || { cat "$1/build/log"; exit 1; }' \
		--customize-hook='rm -r "$1/build/debian" "$1/build/log"'
}

build_tree() { tree_find build "$(cat "$top/debian/control" "$here/lib.sh")" make_build_tree; }

# --- the tree that it is installed in -------------------------------------------------

# The dependencies of the package, what the tests in it need, and an init and a kernel
# for the test that boots it.
RUN_PACKAGES=adduser,apt-utils,dpkg-dev,iproute2,iputils-ping,kmod,libmnl0,libsnmp40,libsystemd0,netbase
RUN_PACKAGES+=,procps,python3,snmp,snmpd,systemd,systemd-sysv,user-mode-linux

make_run_tree()
{
	local modules

	echo "making a tree to install packages in (once, about 40 s)" >&2
	tree_make "$1" "$RUN_PACKAGES"
	# apt-utils makes it with the first package; it is not part of this package.
	mkdir -p "$1.new/var/cache/debconf/tmp.ci"
	# modprobe searches /lib/modules, but Debian has this kernel's modules
	# elsewhere.
	mkdir -p "$1.new/lib/modules"
	for modules in "$1.new"/usr/lib/uml/modules/*; do
		ln -s "../uml/modules/${modules##*/}" "$1.new/usr/lib/modules/"
	done
}

run_tree() { tree_find run "$RUN_PACKAGES $(cat "$here/lib.sh")" make_run_tree; }
