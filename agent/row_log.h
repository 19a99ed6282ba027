/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_ROW_LOG_H
#define QMIPSEC_ROW_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/collector.h"

/* Says once that rows are dropped, or that an HBA has none, because there are maxRows.
 */

/* What was said of one namespace. */
struct row_log {
	uint32_t max_rows; /* that it was said of */
	bool dropped;
	bool refused;
};

/* To be called after each poll. prefix: names the namespace at the start of the line.
 */
void row_log(struct row_log *log, const char *prefix,
	     const struct collector_room *room);

#endif
