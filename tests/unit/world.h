/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collector/collector.h"
#include "fake_kernel.h"
#include "tree.h"

/* The fixture for tests of a whole namespace: one collector, the kernel that it
 * polls, and the sysfs that it reads. */

#define SECOND UINT64_C(1000000000)
#define ALL INSTANCE_UNATTRIBUTED

extern struct fake_kernel kernel;
extern struct collector *collector;
extern struct snapshot snapshot; /* the last one, see look() */
extern struct tree tree;         /* empty at first */

/* xfrm_stat without errors. */
extern const char no_errors[];

/* The time is 1000 s. Interface 2 has 10.0.0.1, interface 3 has 10.0.1.1. The
 * collector has no configuration. */
void world_setup(void);
void world_teardown(void);

/* A set from lines of configuration, which end with NULL. */
void configure(struct instance_set *set, const char *const *lines);

/* A new collector of any namespace. Only the daemon's own ("") discovers HBAs. */
struct collector *make_collector(struct fake_kernel *of, const char *netns,
				 const char *const *lines);

/* Replaces the collector. */
void open_collector(const char *const *lines);
#define OPEN(...) open_collector((const char *const[]){__VA_ARGS__, NULL})

void reconfigure(const char *const *lines, uint64_t stale_after);
#define RECONFIGURE(...) \
	reconfigure((const char *const[]){__VA_ARGS__, NULL}, 60 * SECOND)

void poll_well(void);
void poll_badly(int want);
void read_events(void);

/* Takes a snapshot; the same, and return a row or the health in it. */
void look(void);
const struct snapshot_row *row(const char *name);
const struct health *health(void);

/* The columns ActiveSA, KeyAdditions and KeyDeletions of a row. */
void life_is(const char *name, uint64_t active, uint64_t additions, uint64_t deletions);

/* The SAD has one outbound SA with so many bytes, and no other. */
void sad_has(uint64_t bytes);
void sad_is_empty(void);

/* DELSA of that SA, with its final bytes, waits to be read. */
void sa_is_deleted(struct fake_kernel *of, uint64_t bytes);
