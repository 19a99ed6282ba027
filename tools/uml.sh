# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Boots User-mode Linux of a Debian tree, inside the tree, since it needs the tree's
# libraries. Sourced by the lab and by the test of a whole machine, which use tree.sh too.
#
# The guest mounts a directory DIR of the tree with
#	mount -t hostfs -o "$UML_HOSTFS/DIR" none /DIR
# where UML_HOSTFS, on its command line, is what its kernel wants before a path. /src in
# the tree is the source, /out a directory for results, and /build a build.

# shellcheck source=tools/tree.sh
. "$(dirname "${BASH_SOURCE[0]}")/tree.sh"

# uml_link_modules TREE: modprobe looks in /lib/modules, but Debian keeps the modules of
# this kernel elsewhere.
uml_link_modules()
{
	local modules

	mkdir -p "$1/usr/lib/modules"
	for modules in "$1"/usr/lib/uml/modules/*; do
		ln -s "../uml/modules/${modules##*/}" "$1/usr/lib/modules/"
	done
}

# uml_memory_dir MEGABYTES OTHER: where a guest's memory, which is a file, can be:
# /dev/shm, or OTHER. Docker's /dev/shm is often too small, and the kernel then ends with
# SIGBUS in the middle of a test.
uml_memory_dir()
{
	local free

	free=$(df --output=avail -B1M /dev/shm 2>/dev/null | tail -1) || free=0
	if [ "${free:-0}" -gt "$1" ]; then
		echo /dev/shm
	else
		echo "$2"
	fi
}

# uml_compile FILE OUT: makes the library OUT/NAME.so from the source file FILE, with the
# compiler and for the C library of the suite. uml_compile_program FILE OUT: OUT/NAME.
uml_compile() { uml_gcc "$@" .so -shared -fPIC; }
uml_compile_program() { uml_gcc "$@" ''; }

uml_gcc()
{
	tree_run "$(build_tree)" "$2" gcc -D_GNU_SOURCE -O2 -Wall "${@:4}" \
		-o "/build/$(basename "$1" .c)$3" "/src/$1" -ldl ||
		tree_die "cannot compile $1"
}

# A command that runs the kernel, for example in another network namespace.
uml_enter=()

# uml_boot LIMIT TREE OUT BUILD MEMORY ARGUMENT…: replaces this process by the kernel,
# which ends with all of its processes after LIMIT seconds. Its root is the tree unless
# the arguments say otherwise. OUT has xstate.so. BUILD may be empty.
uml_boot()
{
	local limit=$1

	shift
	# timeout(1) makes a process group of its own, which it ends as a whole.
	# shellcheck disable=SC2016 # the inner shell's
	exec timeout --kill-after=2 "$limit" "${uml_enter[@]}" unshare --mount bash -euc '
		top=$1 options=$2 hostfs=$3 tree=$4 out=$5 build=$6 memory=$7
		shift 7
		mount --rbind /proc "$tree/proc"
		mount --rbind /dev "$tree/dev"
		mount --bind "$top" "$tree/src"
		mount --bind "$out" "$tree/out"
		[ -z "$build" ] || mount --bind "$build" "$tree/build"
		mount --bind "$memory" "$tree/tmp"
		exec chroot "$tree" /usr/bin/env TMPDIR=/tmp LD_PRELOAD=/out/xstate.so \
			/usr/bin/linux.uml mem=512M quiet panic=-1 con=null con0=fd:0,fd:1 \
			$options "UML_HOSTFS=$hostfs" "$@"
	' "${0##*/}" "$top" "$suite_uml" "$suite_hostfs" "$@"
}
