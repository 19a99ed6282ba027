# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # tree.sh sets top
#
# Machines that qemu emulates, with Debian's own kernel. Sourced after tree.sh.

# What a tree with such a kernel needs: packages, and a hook (append the metapackage).
# shellcheck disable=SC2034 # for those who source this
emulator_packages=qemu-system-x86,cpio,kmod
emulator_hook="'$top/tools/unpack-kernel' \"\$1\""

# What the stamp of that tree is made from.
emulator_stamp() { cat "$top/tools/unpack-kernel"; }

# emulator_initrd TREE WORK MODULE…: packs WORK/root, with the modules and what they need,
# into WORK/initrd. The file "modules" in it has their paths, in the order of loading.
emulator_initrd()
{
	# shellcheck disable=SC2016 # the inner shell's
	tree_run "$1" "$2" sh -euc '
		cd /opt/kernel
		modprobe -d . -S "$(ls lib/modules)" --show-depends -a "$@" |
			sed -n "s/^insmod \([^ ]*\).*/\1/p" | awk "!seen[\$0]++" >/build/root/modules
		xargs cp --parents -t /build/root </build/root/modules
		cd /build/root
		find . | cpio --quiet -o -H newc | gzip -1 >/build/initrd' sh "${@:3}"
}
