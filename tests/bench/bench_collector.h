/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdlib.h>

#include "../unit/fake_kernel.h"
#include "collector/collector.h"

/* A collector without configured instances, after its first poll, which reads
 * everything. */
static inline struct collector *bench_collector(struct fake_kernel *kernel,
						const struct collector_options *options)
{
	struct collector *collector;
	struct instance_set set;

	if (instance_set_init(&set))
		abort();
	collector = collector_new(&fake_kernel_ops, kernel, options, &set);
	instance_set_free(&set);
	if (!collector || collector_poll(collector))
		abort();
	return collector;
}
