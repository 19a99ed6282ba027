# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What tools/demo and tools/check share: installing and building. Sourced.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

need_root() {
	[ "$(id -u)" = 0 ] || die "must run as root: it installs packages and makes network namespaces"
	command -v apt-get >/dev/null || die "needs Debian (there is no apt-get here)"
}

apt_updated=

# apt_get ARGS...: quiet, asks nothing, shows its output only when it fails.
apt_get() {
	local log
	log=$(mktemp)
	if [ -z "$apt_updated" ]; then
		apt-get -q update >"$log" 2>&1 || { cat "$log" >&2; die "apt-get update failed"; }
		apt_updated=yes
	fi
	DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 ||
		{ cat "$log" >&2; die "apt-get $* failed"; }
	rm -f "$log"
}

# Packages that are not installed yet, of those named.
missing() {
	local package
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' ||
			printf '%s\n' "$package"
	done
}

install_packages() {
	local wanted
	mapfile -t wanted < <(missing "$@")
	[ ${#wanted[@]} = 0 ] || apt_get install "${wanted[@]}"
}

# What debian/control names is installed from there, so that it is named once.
install_build_dependencies() {
	install_packages build-essential
	(cd "$top" && dpkg-checkbuilddeps 2>/dev/null) || apt_get build-dep "$top"
}

# configure_and_make DIR CONFIGURE-ARGS...: configures (once) and makes.
configure_and_make() {
	local dir=$1
	shift
	[ -x "$top/configure" ] && [ "$top/configure" -nt "$top/configure.ac" ] &&
		[ "$top/Makefile.in" -nt "$top/Makefile.am" ] ||
		(cd "$top" && autoreconf -i) || return
	mkdir -p "$dir"
	[ -f "$dir/config.status" ] || (cd "$dir" && "$top/configure" -q "$@") || return
	make -s -C "$dir" -j"$(nproc)"
}
