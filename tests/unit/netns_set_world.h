/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collector/netns_set.h"
#include "fake_host.h"
#include "runner.h"
#include "tree.h"

/* The fixture of the chapters about collector/netns_set.h: a host with namespaces,
 * their names in a directory, a set that serves them, and what it logs. */

#define SECOND UINT64_C(1000000000)
#define ALL INSTANCE_UNATTRIBUTED

extern struct tree tree;              /* netns/, the names; state/, the state files */
extern char netns_dir[], state_dir[]; /* their paths */
extern struct netns_set *set;
extern struct netns_list namespaces;  /* as configured */
extern struct instance_set instances; /* as configured */
extern struct snapshot snapshot;      /* the last one */

void netns_set_setup(void);
void netns_set_teardown(void);

/* Configures a namespace, or "*". */
void want(const char *namespace);
struct netns_config config(void);

/* Opens the set. state: the directory, or NULL for none. */
int try_to_open(const char *state);
void open_set(void);
void open_set_with_state(void);
/* As another process that only looks. */
void open_set_read_only(void);
void close_set(void);

/* Saves, and waits for the end of it. */
void save_set(uint64_t last_at);

/* A name appears in the directory, or disappears. */
void come(const char *name, int namespace);
void go(const char *name);

/* Takes a snapshot; poll_all() polls before that. */
void publish(void);
void poll_all(void);

/* The names of the rows in the snapshot, each followed by a space. */
const char *rows(void);
uint64_t bytes_of(const char *row);

/* What was logged: how often the line stands there; all of it. */
unsigned logged(const char *line);
const char *log_so_far(void);
void forget_log(void);

/* True if the set waits to read its events. */
bool readable(void);
