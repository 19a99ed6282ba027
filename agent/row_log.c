/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "row_log.h"

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

static void log_dropped(const char *prefix, const struct collector_room *room)
{
	snmp_log(LOG_NOTICE,
		 "%sall %lu rows are taken: \"%s\" was dropped, and from now on the "
		 "row that has been gone longest is dropped when another needs room; "
		 "raise maxRows to keep more\n",
		 prefix, (unsigned long)room->max_rows, room->dropped);
}

static void log_refused(const char *prefix, const struct collector_room *room)
{
	snmp_log(LOG_WARNING,
		 "%sno row for \"%s\" and %zu more HBAs: all %lu are configured or in "
		 "use; their SAs count in \"unattributed\" until there is room; raise "
		 "maxRows\n",
		 prefix, room->refused, room->n_refused - 1,
		 (unsigned long)room->max_rows);
}

void row_log(struct row_log *log, const char *prefix, const struct collector_room *room)
{
	if (log->max_rows != room->max_rows)
		log->dropped = false;
	log->max_rows = room->max_rows;
	if (room->n_dropped && !log->dropped)
		log_dropped(prefix, room);
	if (room->n_refused && !log->refused)
		log_refused(prefix, room);
	else if (!room->n_refused && log->refused)
		snmp_log(LOG_NOTICE, "%sall HBAs have a row again\n", prefix);
	log->dropped |= room->n_dropped != 0;
	log->refused = room->n_refused != 0;
}
