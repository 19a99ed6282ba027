/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netns_set_world.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "util/log.h"

struct tree tree;
struct netns_set *set;
struct netns_list namespaces;
struct instance_set instances;
struct snapshot snapshot;
char netns_dir[100];
char state_dir[100];
static char log_text[8192];

static void keep_log(int level, const char *text)
{
	size_t len = strlen(log_text);

	(void)level;
	snprintf(log_text + len, sizeof(log_text) - len, "%s\n", text);
}

void netns_set_setup(void)
{
	tree_make(&tree);
	snprintf(netns_dir, sizeof(netns_dir), "%s/netns", tree.root);
	snprintf(state_dir, sizeof(state_dir), "%s/state", tree.root);
	tree_text(&tree, "state/other", "");
	fake_host_make();
	set = NULL;
	namespaces = (struct netns_list){.n = 0};
	ck_assert_int_eq(instance_set_init(&instances), 0);
	snapshot = (struct snapshot){0};
	log_text[0] = '\0';
	log_set_sink(keep_log);
}

void netns_set_teardown(void)
{
	netns_set_free(set);
	for (int i = 0; i < FAKE_NAMESPACES; i++)
		ck_assert_uint_eq(fake_host[i].opened, fake_host[i].closed);
	fake_host_free();
	snapshot_free(&snapshot);
	instance_set_free(&instances);
	netns_list_free(&namespaces);
	tree_remove(&tree);
	log_set_sink(NULL);
}

void want(const char *namespace)
{
	char error[200];

	ck_assert_int_eq(
	    netns_list_add_line(&namespaces, namespace, error, sizeof(error)), 0);
}

struct netns_config config(void)
{
	return (struct netns_config){.instances = &instances,
				     .namespaces = &namespaces,
				     .peers = &peer_config_default,
				     .stale_after = 60 * SECOND,
				     .receive_buffer = 65536};
}

static int open_with(const char *state, bool read_only)
{
	const struct netns_paths paths = {.sysfs_root = NULL,
					  .netns_dir = netns_dir,
					  .state_dir = state,
					  .read_only = read_only};
	const struct netns_config now = config();

	return netns_set_open(&fake_opener, &paths, &now, &set);
}

int try_to_open(const char *state)
{
	return open_with(state, false);
}

void open_set(void)
{
	ck_assert_int_eq(try_to_open(NULL), 0);
}

void open_set_with_state(void)
{
	ck_assert_int_eq(try_to_open(state_dir), 0);
}

void open_set_read_only(void)
{
	ck_assert_int_eq(open_with(state_dir, true), 0);
}

void save_set(uint64_t last_at)
{
	netns_set_save(set, last_at);
	ck_assert(netns_set_finish_save(set, 60 * SECOND));
}

void close_set(void)
{
	netns_set_free(set);
	set = NULL;
}

void come(const char *name, int namespace)
{
	char path[100];

	snprintf(path, sizeof(path), "netns/%s", name);
	tree_link(&tree, path, fake_host[namespace].file);
}

void go(const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), "netns/%s", name);
	tree_delete(&tree, path);
}

void publish(void)
{
	struct snapshot fresh = {0};

	ck_assert_int_eq(netns_set_snapshot(set, &fresh, &snapshot), 0);
	snapshot_free(&snapshot);
	snapshot = fresh;
}

void poll_all(void)
{
	ck_assert_int_eq(netns_set_poll(set), 0);
	publish();
}

const char *rows(void)
{
	static char text[1000];

	text[0] = '\0';
	for (size_t i = 0; i < snapshot.n_rows; i++)
		strcat(strcat(text, snapshot.rows[i].name), " ");
	return text;
}

uint64_t bytes_of(const char *row)
{
	const struct snapshot_row *found = snapshot_find(&snapshot, row);

	ck_assert_msg(found != NULL, "no row %s, but %s", row, rows());
	return found->stats.tunnel_bytes_sent;
}

unsigned logged(const char *line)
{
	unsigned n = 0;

	for (const char *at = log_text; (at = strstr(at, line)); at++)
		n++;
	return n;
}

bool readable(void)
{
	struct pollfd fd = {.fd = netns_set_event_fd(set), .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

void forget_log(void)
{
	log_text[0] = '\0';
}

const char *log_so_far(void)
{
	return log_text;
}
