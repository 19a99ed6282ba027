/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "util/log.h"

/* Messages of the log for a test: how many there were, and the last one. */

extern char kept_last[LOG_TEXT_MAX + 1];
extern unsigned kept_n; /* since kept_log_begin(), or since the test has set it to 0 */

void kept_log_begin(void);
void kept_log_end(void);

/* Asserts the number of messages so far, and a part of the last one. */
void check_log(unsigned n, const char *part);
