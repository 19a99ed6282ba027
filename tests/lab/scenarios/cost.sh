# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Measures polls of keyed SAs, which not every machine's kernel can make: the rows of
# tests/bench with "keyed" in their names.
#
#	tests/lab/run --show cost
#
# kind: show
# program: tests/bench/drain.c
# limit: 900

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

load_modules
CI=true top_builddir=/build bench_programs=/out python3 /src/tests/bench/run \
	"poll of 1,000 keyed" "poll of 10,000 keyed" "poll of one keyed"
