/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_FAULTS_H
#define QMIPSEC_FAULTS_H

/*
 * What a namespace's poll reads, and what of it could not be read the last time. A
 * fault of any source but the SAs themselves leaves the SAs counted. Pure.
 */

enum source {
	SOURCE_SAS,
	SOURCE_EVENTS,
	SOURCE_ADDRS,
	SOURCE_POLICIES,
	SOURCE_LINKS,
	SOURCE_ROUTES,
	SOURCE_LOCAL_ROUTES,
	SOURCE_INSTANCES,
	SOURCE_COUNT,
};

struct faults {
	int errors[SOURCE_COUNT]; /* -errno, 0: it was read */
};

/* "the addresses": what cannot be read, in words. */
const char *source_name(enum source source);

/* What that means for the numbers, in words. */
const char *source_effect(enum source source);

#endif
