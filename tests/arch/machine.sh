# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034 # variables shared with the caller
#
# Sourced by tests/arch/run: a machine of 32 bits, in which the daemon must report what
# the kernel counted. It is Debian's last kernel for i386. On a kernel of 64 bits, XFRM
# answers programs of 32 bits only with CONFIG_XFRM_USER_COMPAT, which no kernel of
# Debian has; and User-mode Linux of 64 bits runs no programs of 32 bits.

kernel_modules=(xfrm_user esp4 authenc echainiv crypto_null drbg ctr hmac sha256_generic
	sha512_generic cbc aes_generic veth xfrm_interface)

# The kernel is from the last suite that has one for i386.
make_machine_tree()
{
	echo "making a tree for a machine of 32 bits (once, about 2 minutes)" >&2
	tree_bootstrap "$1" --variant=minbase --include="$emulator_packages" \
		--architectures=amd64,i386 --customize-hook="$emulator_hook linux-image-686:i386"
}

# The root of the machine: the daemon, two programs, their libraries, the modules.
fill_root()
{
	local root=$work/root

	mkdir -p "$root"/{bin,sbin,proc,sys,dev,run,tmp,root}
	install -m 755 tests/arch/guest-init "$root/init"
	install -m 755 "$work/agent/qmipsecd" "$root/sbin/"
	install -m 755 "$work/tests/unit/check_netlink" "$root/"
	# shellcheck disable=SC2016,SC2086 # the inner shell's; none or one word
	in_tree sh -euc '
		for program in /build/agent/qmipsecd /build/tests/unit/check_netlink /bin/ip; do
			"$@" /lib/ld-linux.so.2 --list "$program"
		done | grep -o "/[^ ]*\.so[^ ]*" | sort -u | xargs cp -L --parents -t /build/root
		cp -L /bin/busybox /build/root/bin/
		cp -L /bin/ip /build/root/sbin/' sh env $emulator
	emulator_initrd "$machine" "$work" "${kernel_modules[@]}"
}

machine_in_tree()
{
	local tree=$machine # the one of in_tree

	in_tree "$@"
}

# number NAME [FILE]: a number of the daemon's JSON.
number()
{
	grep -o "\"$1\":[0-9]*" "$work/${2:-daemon}" | head -n 1 | cut -d: -f2
}

# bytes SPI [FILE]: what the kernel counted for the SA.
bytes()
{
	awk -v spi="$1" '/proto esp spi/ { here = index($0, spi) }
		here && /lifetime current/ { current = 1; next }
		here && current { sub(/\(bytes\).*/, ""); print $1 + 0; exit }' \
		"$work/${2:-state}"
}

compare()
{
	local sent received

	sent=$(bytes 0x00000101) received=$(bytes 0x00000102)
	echo "kernel: $sent sent, $received received; daemon:" \
		"$(number ConfidentialBytesSent), $(number ConfidentialBytesReceived)"
	[ "$sent" -gt "$received" ] && [ "$received" -gt 0 ] &&
		[ "$(number ActiveSA)" = 2 ] && [ "$(number KeyAdditions)" = 2 ] &&
		[ "$(number ConfidentialBytesSent)" = "$sent" ] &&
		[ "$(number ConfidentialBytesReceived)" = "$received" ] &&
		[ "$(number TransportBytesSent)" = "$sent" ] &&
		[ "$(number TransportBytesReceived)" = "$received" ]
}

# The route of the session, and the if_id of its interface, decide.
compare_tunnels()
{
	local sent others

	sent=$(bytes 0x00000091 tunnels) others=$(bytes 0x00000081 tunnels)
	echo "kernel: $sent sent through xfrm9, $others through xfrm8; daemon:" \
		"$(number TunnelBytesSent session), $(number TunnelBytesSent others)"
	[ "$sent" -gt 0 ] && [ "$others" -gt "$sent" ] &&
		[ "$(number TunnelBytesSent session)" = "$sent" ] &&
		[ "$(number TunnelBytesSent others)" = "$others" ] &&
		[ "$(number ActiveSA session) $(number ActiveTunnels session)" = "2 1" ] &&
		[ "$(number ActiveSA others) $(number ActiveTunnels others)" = "4 1" ]
}

# part FROM TO: what the machine printed between two lines that begin so.
part() { sed -n "/^$1/,/^$2/p" "$work/console"; }

check_machine()
{
	local machine status=0

	machine=$(use_suite bookworm
		tree_find arch-machine "$(declare -f make_machine_tree; emulator_stamp)" make_machine_tree)
	fill_root
	# The machine turns itself off; the limit is for one that hangs. On a busy host the
	# kernel would find that the timer does not tick.
	# shellcheck disable=SC2016 # the inner shell's
	machine_in_tree sh -c 'timeout 600 qemu-system-i386 -accel tcg -cpu max -m 256 \
		-nodefaults -display none -no-reboot -serial stdio -kernel /opt/kernel/boot/vmlinuz* \
		-initrd /build/initrd -append "console=ttyS0 quiet panic=-1 no_timer_check"' </dev/null |
		tr -d '\r' >"$work/console" || status=$?
	part "begin state" "begin daemon" >"$work/state"
	part "begin daemon" status >"$work/daemon"
	part "begin tunnels" "begin session" >"$work/tunnels"
	part "begin session" "begin others" >"$work/session"
	part "begin others" "begin netlink" >"$work/others"
	part "begin netlink" end
	grep '^machine i686' "$work/console" || status=1
	grep -q '^end 0' "$work/console" || status=1
	result "$status" "a machine of 32 bits runs $needs_kernel" || :
	status=0
	compare || status=$?
	result "$status" "the daemon reports what the kernel of 32 bits counted" ||
		cat "$work/console"
	status=0
	compare_tunnels || status=$?
	result "$status" "an iSCSI session has the SAs of its xfrm interface" ||
		cat "$work/console"
}
