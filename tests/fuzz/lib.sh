# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What run and minimise share. Sourced.

: "${top_builddir:=$PWD}"
here=${here:?}
found=$top_builddir/tests/fuzz/found   # inputs that cover something new
failed=$top_builddir/tests/fuzz/failed # inputs that fail

# A leak or a report ends a fuzzer, like a run of 25 seconds, or with a gigabyte.
FUZZER_OPTIONS=(-timeout=25 -rss_limit_mb=1024 -print_final_stats=1)
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1

die()
{
	echo "${0##*/}: $*" >&2
	exit 2
}

# The names of all fuzzers.
fuzzers()
{
	local file

	for file in "$here"/fuzz_*.c; do
		! grep -q '^int LLVMFuzzerTestOneInput' "$file" ||
			basename "$file" .c | sed 's/^fuzz_//'
	done
}

# need_fuzzers NAME…: they are built.
need_fuzzers()
{
	local name

	for name; do
		[ -e "$here/fuzz_$name.c" ] || die "there is no fuzzer $name; see --list"
		[ -x "$top_builddir/tests/fuzz/fuzz_$name" ] ||
			die "$top_builddir/tests/fuzz/fuzz_$name is missing:" \
				"configure with --enable-fuzzers CC=clang, and make fuzzers"
	done
}

# length_of NAME: the most bytes of an input that are useful.
length_of()
{
	case $1 in
	model) echo 2000 ;;
	state) echo 16384 ;;
	collector) echo 8192 ;;
	*) echo 4096 ;;
	esac
}

# run_fuzzer NAME SECONDS TEMPORARY-DIRECTORY
run_fuzzer()
{
	local options=("${FUZZER_OPTIONS[@]}" "-max_total_time=$2"
		"-max_len=$(length_of "$1")" "-artifact_prefix=$failed/$1-")

	[ ! -e "$here/$1.dict" ] || options+=("-dict=$here/$1.dict")
	mkdir -p "$failed" "$found/$1" "$3"
	TMPDIR=$3 "$top_builddir/tests/fuzz/fuzz_$1" "${options[@]}" \
		"$found/$1" "$here/corpus/$1"
}
