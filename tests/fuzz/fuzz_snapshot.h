/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collector/collector.h"
#include "tests/unit/fake_kernel.h"

/* A collector on the fake kernel; it takes the set and the peers over. */
struct collector *make_collector(struct fake_kernel *kernel,
				 struct collector_options *options,
				 struct instance_set *set, struct peer_config *peers);

/* What holds for every snapshot, and between two of them. */

/*
 * ActiveSA is additions - deletions; bytes by protocol and by mode agree; a row is the
 * sum of its peers; rows and peers are sorted, and their text is clean. SAs of the list
 * are in rows that exist.
 */
void check_snapshot(const struct snapshot *snapshot, const struct sa_list *sas);

/* Tables and JSON contain clean text only. */
void check_reports(const struct snapshot *snapshot, const struct sa_list *sas);

/* No counter decreases while the discontinuity stands still. The values must be so
 * small that no sum wraps. */
void check_growth_of(const struct snapshot *before, const struct snapshot *after);

/* Saves the rows into a buffer, which the caller frees. */
char *save_body(struct collector *collector, size_t *ret_size);
int load_body(struct collector *collector, const void *body, size_t size, uint64_t now);
