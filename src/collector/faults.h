/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a namespace's poll reads, and which of it could not be read the last time. The
 * SAs are counted unless they themselves cannot be read. Pure.
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

struct source_text {
	const char *name;   /* "the addresses" */
	const char *effect; /* on the numbers while it cannot be read */
};

extern const struct source_text source_texts[SOURCE_COUNT];

#define FAULTS_TEXT_MAX 255

struct faults {
	int errors[SOURCE_COUNT];       /* -errno, 0: it was read */
	char last[FAULTS_TEXT_MAX + 1]; /* the last fault in words; "": none yet */
};

/* Notes that a source was read (err 0), or why it could not be (-errno). */
void faults_note(struct faults *faults, enum source source, int err);

/* Notes, in words alone, a fault of no source. */
void faults_say(struct faults *faults, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
