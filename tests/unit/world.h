/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collector/collector.h"
#include "fake_kernel.h"
#include "tree.h"

/* One collector, the kernel that it polls and the sysfs that it reads: the fixture of
 * tests of a whole namespace. */

#define SECOND UINT64_C(1000000000)
#define ALL INSTANCE_UNATTRIBUTED

extern struct fake_kernel kernel;
extern struct collector *collector;
extern struct snapshot snapshot; /* as last looked at */
extern struct tree tree;         /* empty at first */

/* xfrm_stat without an error. */
extern const char no_errors[];

/* Second 1000; the addresses 10.0.0.1 on interface 2 and 10.0.1.1 on interface 3; a
 * collector without configuration. */
void world_setup(void);
void world_teardown(void);

/* A set with these lines of configuration, the last of them NULL. */
void configure(struct instance_set *set, const char *const *lines);

/* A new collector of any namespace; HBAs are found in the daemon's own alone. */
struct collector *make_collector(struct fake_kernel *of, const char *netns,
				 const char *const *lines);

/* Another collector in place of the first. */
void open_collector(const char *const *lines);
#define OPEN(...) open_collector((const char *const[]){__VA_ARGS__, NULL})

void reconfigure(const char *const *lines, uint64_t stale_after);
#define RECONFIGURE(...) \
	reconfigure((const char *const[]){__VA_ARGS__, NULL}, 60 * SECOND)

void poll_well(void);
void poll_badly(int want);
void read_events(void);

/* A row, and the health, as they are now. */
void look(void);
const struct snapshot_row *row(const char *name);
const struct health *health(void);

/* The columns ActiveSA, KeyAdditions and KeyDeletions of a row. */
void life_is(const char *name, uint64_t active, uint64_t additions, uint64_t deletions);

/* The SAD has one outbound SA of so many bytes, and no other. */
void sad_has(uint64_t bytes);
void sad_is_empty(void);
