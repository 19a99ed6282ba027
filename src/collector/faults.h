/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a namespace's poll reads, and which of it could not be read the last time. A
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

#define FAULTS_TEXT_MAX 255

struct faults {
	int errors[SOURCE_COUNT];       /* -errno, 0: it was read */
	char last[FAULTS_TEXT_MAX + 1]; /* the last of them, in words; "": none yet */
};

/* Notes that a source was read (err 0), or why it was not (-errno). */
void faults_note(struct faults *faults, enum source source, int err);

/* Notes, in words alone, what is a fault of none of these sources. */
void faults_say(struct faults *faults, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Forgets the errors; the last fault in words stays. */
void faults_clear(struct faults *faults);

/* "the addresses": what cannot be read, in words. */
const char *source_name(enum source source);

/* What that means for the numbers, in words. */
const char *source_effect(enum source source);
