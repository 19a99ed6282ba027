# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The steps of tools/check that run in the tree of the suite: step_NAME for each. Sourced
# there, with the source in /src and the build in /build, as root.

# shellcheck source=tools/lib.sh
. /src/tools/lib.sh
cd /src || exit
export SMI_BASE_DIR=/build/check/base-mibs # this tree has no npm

# Git's files, which tools/check lists since a tree may not see the whole repository.
files=/build/check/files

step_format() {
	grep '\.[ch]$' $files | xargs clang-format --dry-run -Werror
}

step_shell() {
	xargs grep -lE '^#!/bin/(ba)?sh|^# shellcheck shell=' <$files |
		xargs shellcheck -x -S warning
}

# gcc, every warning an error; then the tests that need no root and no kernel.
step_build() {
	configure_and_make /build --enable-werror
}

step_unit() {
	make -C /build -j2 check
	local result=$?
	cat /build/tests/unit/*.log /build/tests/mib/*.log
	return $result
}

# The ledger against the model of the kernel: a million steps of each of six random
# histories, the same on every machine. QMIPSEC_MODEL_SEED runs others by hand.
step_model() {
	local seed
	for seed in 1 2 3 4 5 6; do
		QMIPSEC_MODEL_SEED=$seed QMIPSEC_MODEL_STEPS=1000000 \
			/build/tests/unit/check_ledger_model || return
	done
}

# gcc -fanalyzer, clang-tidy, cppcheck and scan-build.
step_analysis() {
	top_builddir=/build tests/analysis/run
}

step_bench() {
	make -s -C /build bench
}

# Most of these tests wait most of the time.
step_agentx() {
	top_builddir=/build tests/agentx/run --jobs 3
}

# The plugin's style, and its definitions with Icinga 2.
step_contrib() {
	top_builddir=/build tests/managers/check_icinga
}

# clang, every warning an error, and its sanitizers.
step_sanitizers() {
	configure_and_make /build/sanitizers CC=clang --enable-werror --enable-sanitizers \
		CFLAGS="-g -O1" &&
		make -C /build/sanitizers -j2 check dist_check_SCRIPTS= || return
	cat /build/sanitizers/tests/unit/*.log
}

# Two minutes of libFuzzer in all; "make fuzz" in the same build runs much longer.
step_fuzz() {
	configure_and_make /build/fuzz CC=clang --enable-werror --enable-fuzzers \
		CFLAGS="-g -O1" && make -s -C /build/fuzz -j2 fuzzers &&
		top_builddir=/build/fuzz tests/fuzz/run
}

# The daemon itself runs under valgrind among the agentx tests. __libc_freeres(), which
# valgrind calls at the end, reads what the resolver's idle thread has not set.
step_valgrind() {
	find /build/tests/unit -maxdepth 1 -name 'check_*' -type f -executable -print0 |
		sort -z | CK_FORK=no QMIPSEC_MODEL_STEPS=20000 QMIPSEC_MEMORY_STRIDE=3 \
		xargs -0 -n 1 -P 2 \
		valgrind -q --error-exitcode=9 --run-libc-freeres=no --leak-check=full \
		--errors-for-leak-kinds=definite
}

step_install() {
	local root=/build/check/root
	rm -rf "$root"
	make -s -C /build install DESTDIR="$root" || return
	find "$root" -type f | sort
	[ -x "$root/usr/local/sbin/qmipsecd" ] &&
		[ -f "$root/usr/local/share/snmp/mibs/QMIPSEC-MIB.txt" ] || return
	make -s -C /build uninstall DESTDIR="$root" || return
	[ -z "$(find "$root" -type f)" ]
}

# The package is built from the same tarball, with all of its tests.
step_distcheck() {
	make -s -C /build distcheck DISTCHECK_CONFIGURE_FLAGS=--enable-werror \
		TESTS=tests/house/check_docs.py
}
