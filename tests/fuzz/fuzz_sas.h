/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "fuzz.h"
#include "kernel/sa.h"

/*
 * Takes an SA out of an input, as the readers can give it. There are few keys, ends and
 * selectors, so that SAs collide. Numbers of bytes and packets are so small that no sum
 * wraps.
 */
struct sa take_sa(struct bytes *bytes);
