/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "kernel/kernel.h"

/* The fake kernel as a part of the test: within a dump or a read of events only what
 * the callbacks allocate can fail (failing_alloc.h). */
struct kernel_ops failing_kernel_ops(void);
