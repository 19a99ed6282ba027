/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kept_log.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"

char kept_last[LOG_TEXT_MAX + 1];
unsigned kept_n;

static void keep_last(int level, const char *text)
{
	(void)level;
	snprintf(kept_last, sizeof(kept_last), "%s", text);
	kept_n++;
}

void kept_log_begin(void)
{
	log_set_sink(keep_last);
	kept_n = 0;
}

void kept_log_end(void)
{
	log_set_sink(NULL);
}

void check_log(unsigned n, const char *part)
{
	ck_assert_uint_eq(kept_n, n);
	ck_assert_msg(strstr(kept_last, part), "\"%s\" is not in: %s", part, kept_last);
}
