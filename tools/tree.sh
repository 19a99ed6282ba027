# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Debian trees of this project's own, made by mmdebstrap and kept: what runs in one
# neither needs nor changes what is installed on the machine. Sourced, from any folder
# of the project's, with "set -euo pipefail".
#
#	SUITE		the release, see suite.sh
#	LAB_DIR		where trees are kept; by default .lab
#
# In each tree, /src is for the source, /build for a build and /out for results.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tools/suite.sh
. "$top/tools/suite.sh"
# shellcheck disable=SC2034 # for those who source this
build=$top/build/$SUITE # builds and packages
LAB_DIR=${LAB_DIR:-$top/.lab}

tree_die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# One line of sources.list for each archive of the suite, at the mirrors of Debian that
# the machine's own apt uses. Third-party archives are left out: their keys are not in
# the tree.
tree_sources()
{
	# shellcheck disable=SC2016 # the $(…) are apt's own
	apt-get indextargets --format \
		'$(ORIGIN) $(CODENAME) $(REPO_URI) $(COMPONENT)' 'Created-By: Packages' |
		awk -v host="$(suite_of_host)" -v suite="$SUITE" \
			-v options="${suite_options:+[$suite_options]}" \
			-v archives=" ${suite_archives[*]} " '
			$1 == "Debian" && index($2, host) == 1 {
				part = substr($2, length(host) + 1)
				if (part == "" || index(archives, " " substr(part, 2) " "))
					print "deb", options, $3, suite part, $4
			}' | sort -u
}

# The machine's proxies for apt, as options for mmdebstrap.
tree_proxies()
{
	apt-config dump | grep -Ei '^Acquire::https?::(Proxy|[^:]+::Proxy) ' || true
}

# tree_bootstrap TREE MMDEBSTRAP-OPTION…: complete trees only ever appear whole, so it makes
# TREE.new, and the caller moves it.
tree_bootstrap()
{
	local tree=$1 mirrors options=() line

	shift
	rm -rf "$tree.new"
	mirrors=$(tree_sources)
	[ -n "$mirrors" ] || tree_die "apt knows no Debian archive: run 'apt-get update' first"
	while read -r line; do
		[ -z "$line" ] || options+=(--aptopt="$line")
	done < <(tree_proxies)
	mmdebstrap --quiet "${options[@]}" "$@" "$SUITE" "$tree.new" - <<<"$mirrors" >&2 ||
		tree_die "mmdebstrap failed"
	mkdir -p "$tree.new/src" "$tree.new/build" "$tree.new/out"
}

# tree_extend TREE FROM PACKAGES [MMDEBSTRAP-OPTION…]: a copy of the tree FROM with more
# packages, which are separated by commas. That costs less than to install all of them.
tree_extend()
{
	tree_bootstrap "$1" --variant=custom --include="$3" "${@:4}" \
		--setup-hook="tar -C '$2' --exclude='./dev/*' -c . | tar -C \"\$1\" -x"
}

make_base_tree()
{
	echo "making the $SUITE tree that others begin with (once, about 20 s)" >&2
	tree_bootstrap "$1" --variant=minbase
}

base_tree() { tree_find base "" make_base_tree; }

# tree_make TREE PACKAGES [MMDEBSTRAP-OPTION…]
tree_make() { tree_extend "$1" "$(base_tree)" "${@:2}"; }

# tree_find NAME STAMP FUNCTION: prints the path of the tree, which FUNCTION TREE makes
# if there is none with that stamp (a text: what the tree is made from).
tree_find()
{
	local tree stamp

	stamp=$( (tree_sources; printf '%s\n' "$2"; declare -f tree_bootstrap tree_extend) |
		sha256sum)
	tree=$LAB_DIR/$1-$SUITE-${stamp:0:12}
	if [ ! -d "$tree" ]; then
		[ "$(id -u)" = 0 ] || tree_die "making a tree needs root"
		command -v mmdebstrap >/dev/null ||
			tree_die "mmdebstrap is missing: apt-get install mmdebstrap"
		mkdir -p "$LAB_DIR"
		exec 9>"$tree.lock"
		flock 9
		if [ ! -d "$tree" ]; then
			"$3" "$tree"
			mv -T "$tree.new" "$tree"
		fi
		exec 9>&-
	fi
	echo "$tree"
}

build_depends() { sed -n '/^Build-Depends:/,/^$/p' "$top/debian/control"; }

# With the build dependencies, which are only in debian/control.
make_build_tree()
{
	echo "making a $SUITE tree to build in (once, about 40 s)" >&2
	# shellcheck disable=SC2016 # mmdebstrap's own
	tree_make "$1" build-essential \
		--customize-hook='mkdir -p "$1/control/debian"' \
		--customize-hook="copy-in '$top/debian/control' /control/debian" \
		--customize-hook='APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq -y --no-install-recommends -o DPkg::Chroot-Directory="$1" build-dep "$1/control" >"$1/control/log" 2>&1 || { cat "$1/control/log"; exit 1; }' \
		--customize-hook='rm -r "$1/control"'
}

# The tree that packages, and what the lab runs, are built in: nothing in it but the
# build dependencies.
build_tree() { tree_find build "$(build_depends)" make_build_tree; }

check_packages()
{
	awk -v suite="$SUITE" '{ sub("#.*", "") } $1 && ($2 == "" || $2 == suite) { print $1 }' \
		"$top/tools/check-packages"
}

make_check_tree()
{
	echo "making a $SUITE tree to test in (once, about 60 s)" >&2
	tree_extend "$1" "$(build_tree)" "$(check_packages | paste -sd,)"
}

# The tree that tests run in: the build dependencies, and the compilers and tools that
# tests need.
check_tree()
{
	tree_find check "$(check_packages; build_depends)" make_check_tree
}

# tree_run TREE BUILD COMMAND…: in the tree, as root, with the source and this build.
# What it mounts and writes elsewhere is gone afterwards.
tree_run()
{
	# shellcheck disable=SC2016 # the inner shell's
	unshare --mount bash -euc '
		top=$1 tree=$2 build=$3
		shift 3
		# unshare(1) in the tree needs a root that is a mount.
		mount --bind "$tree" "$tree"
		for dir in proc sys dev; do
			mount --rbind "/$dir" "$tree/$dir"
		done
		for dir in run tmp var/tmp; do
			mount -t tmpfs tmpfs "$tree/$dir"
		done
		mount --bind "$top" "$tree/src"
		mount --bind "$build" "$tree/build"
		exec chroot "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
			LC_ALL=C.UTF-8 TERM=dumb ${CI:+CI=$CI} "$@"
	' "${0##*/}" "$top" "$@"
}
