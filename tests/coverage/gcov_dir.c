// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linked into every program of a coverage build (tools/coverage), where $GCOV_PREFIX
 * ends in ten digits: writes the user's ID there, so that each user's counts have a
 * folder of their own. A program could not add its counts to files that another user
 * has made. It allocates nothing, because tests count allocations.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void choose_gcov_dir(void)
{
	char *digit = getenv("GCOV_PREFIX");
	uid_t rest = geteuid();

	if (!digit || strlen(digit) < 10)
		return;
	digit += strlen(digit);
	for (int i = 0; i < 10; i++) {
		*--digit = (char)('0' + rest % 10);
		rest /= 10;
	}
}
