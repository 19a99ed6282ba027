/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collector/rows.h"
#include "collector/snapshot.h"

/* Appends a namespace's rows to a snapshot. Those of other namespaces than the daemon's
 * own (netns "") have its name and "/" before their own. stale: none is active. Returns
 * 0 or -ENOMEM. */
int rows_snapshot(const struct rows *rows, const char *netns, bool stale,
		  struct snapshot *snapshot);
