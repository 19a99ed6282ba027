/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "kernel/sa_answer.h"

/*
 * The answer of a dump that shows an SA, with what sa_answer.h reads of it; the rest is
 * 0. Valid until the next call.
 */
const struct sa_answer *answer_of(const struct sa *sa);

/* True if the answer shows what is in the SA, as far as sa_answer.h reads it. */
bool answer_shows(const struct sa_answer *answer, const struct sa *sa);
