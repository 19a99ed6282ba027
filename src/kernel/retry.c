/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/retry.h"

#include <errno.h>

enum {
	MAX_ATTEMPTS = 5,
};

bool retry_is_due(int err, unsigned *attempt)
{
	return err && err != -EPERM && err != -ETIMEDOUT && ++*attempt < MAX_ATTEMPTS;
}
