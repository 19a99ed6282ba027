# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Debian trees of this project's own, made by mmdebstrap and kept: what runs in one
# neither needs nor changes what is installed on the machine. Sourced, from any folder
# of the project's, with "set -euo pipefail".
#
#	LAB_DIR		where trees are kept; by default .lab at the top of the source

LAB_DIR=${LAB_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.lab}

tree_die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

tree_suite()
{
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "${VERSION_CODENAME:?/etc/os-release does not name it}")
}

# One line for each archive of this Debian that the machine's own apt knows.
# Third-party archives are left out: their keys are not in the tree.
tree_sources()
{
	# shellcheck disable=SC2016 # the $(…) are apt's own
	apt-get indextargets --format \
		'$(ORIGIN) $(CODENAME) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' |
		awk -v suite="$1" '$1 == "Debian" && index($2, suite) == 1 {
			print $3, $4, $5, $6 }' | sort -u
}

# The machine's proxies for apt, as options for mmdebstrap.
tree_proxies()
{
	apt-config dump | grep -Ei '^Acquire::https?::(Proxy|[^:]+::Proxy) ' || true
}

# tree_make TREE PACKAGES [MMDEBSTRAP-OPTION…]: packages are separated by commas.
# Complete trees only ever appear whole: it makes TREE.new, and the caller moves it.
tree_make()
{
	local tree=$1 wanted=$2 suite mirrors options=() line

	shift 2
	suite=$(tree_suite)
	rm -rf "$tree.new"
	mirrors=$(tree_sources "$suite")
	[ -n "$mirrors" ] || tree_die "apt knows no Debian archive of '$suite': run" \
		"'apt-get update' first"
	while read -r line; do
		[ -z "$line" ] || options+=(--aptopt="$line")
	done < <(tree_proxies)
	mmdebstrap --quiet --variant=minbase --include="$wanted" "${options[@]}" "$@" \
		"$suite" "$tree.new" - <<<"$mirrors" >&2 || tree_die "mmdebstrap failed"
}

# tree_find NAME STAMP FUNCTION: prints the path of the tree, which FUNCTION TREE makes
# if there is none with that stamp (a text: what the tree is made from).
tree_find()
{
	local tree stamp

	stamp=$( (tree_suite; printf '%s\n' "$2"; cat "${BASH_SOURCE[0]}") | sha256sum)
	tree=$LAB_DIR/$1-$(tree_suite)-${stamp:0:12}
	if [ ! -d "$tree" ]; then
		[ "$(id -u)" = 0 ] || tree_die "making a tree needs root"
		command -v mmdebstrap >/dev/null ||
			tree_die "mmdebstrap is missing: apt-get install mmdebstrap"
		mkdir -p "$LAB_DIR"
		exec 9>"$LAB_DIR/lock"
		flock 9
		if [ ! -d "$tree" ]; then
			"$3" "$tree"
			mv -T "$tree.new" "$tree"
		fi
		exec 9>&-
	fi
	echo "$tree"
}
