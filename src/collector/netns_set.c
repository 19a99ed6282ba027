/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/netns_set.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collector/state_saver.h"
#include "kernel/netns_watch.h"
#include "util/array.h"
#include "util/log.h"

enum {
	/* Members that keep their rows while they are not watched. */
	MAX_REMEMBERED = 256,
	MAX_EVENTS = 64,
};

struct netns_set {
	struct netns_env env;
	struct netns_member **members; /* by name; the first is the daemon's own */
	size_t n;
	struct netns_watch *watch; /* NULL: no other namespaces are wanted */
	struct health past;        /* of members whose rows were dropped */
	struct state_saver *saver; /* NULL: no state is saved */
	int dir_error;             /* as last logged, like the next */
	int watch_error;
};

static struct netns_member *own(const struct netns_set *set)
{
	return set->members[0];
}

/* Adds a member, unless there is one of that name. If there is no memory, the next look
 * tries again. */
static void ensure(void *ctx, const char *name)
{
	struct netns_set *set = ctx;
	struct netns_member *member;
	size_t low = 0;
	size_t high = set->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(name, set->members[middle]->name);

		if (!order)
			return;
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (array_reserve(&set->members, set->n, 1) < 0)
		return;
	member = netns_member_new(&set->env, name);
	if (!member)
		return;
	memmove(&set->members[low + 1], &set->members[low],
		(set->n - low) * sizeof(*set->members));
	set->members[low] = member;
	set->n++;
}

static void remove_member(struct netns_set *set, size_t at)
{
	netns_member_free(set->members[at]);
	set->n--;
	memmove(&set->members[at], &set->members[at + 1],
		(set->n - at) * sizeof(*set->members));
}

/* The member that has this namespace open: it may have several names, but its SAs are
 * counted once. */
static const struct netns_member *find_id(const struct netns_set *set,
					  const struct netns_id *id)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->members[i]->kernel && netns_id_equal(&set->members[i]->id, id))
			return set->members[i];
	return NULL;
}

/* Which namespaces are wanted. */

static bool is_named(const struct netns_set *set, const char *name)
{
	return netns_list_names(set->env.config.namespaces, name) ||
	       instance_set_has_netns(set->env.config.instances, name);
}

static bool is_wanted(const struct netns_set *set, const char *name)
{
	return set->env.config.namespaces->all || is_named(set, name);
}

static bool wants_any(const struct netns_set *set)
{
	const struct instance_set *instances = set->env.config.instances;
	bool any = set->env.config.namespaces->all || set->env.config.namespaces->n;

	for (size_t i = 0; i < instances->n && !any; i++)
		any = instances->instances[i].netns[0];
	return any;
}

static void list_names(struct netns_set *set)
{
	const struct netns_list *namespaces = set->env.config.namespaces;
	const struct instance_set *instances = set->env.config.instances;
	int err = 0;

	for (size_t i = 0; i < namespaces->n; i++)
		ensure(set, namespaces->names[i]);
	for (size_t i = 0; i < instances->n; i++)
		ensure(set, instances->instances[i].netns);
	if (namespaces->all)
		err = netns_list_dir(set->env.paths.netns_dir, ensure, set);
	if (err == -ENOENT)
		err = 0;
	if (err && err != set->dir_error)
		log_message(LOG_ERR, "%s: %s", set->env.paths.netns_dir,
			    strerror(-err));
	set->dir_error = err;
}

/* Going. */

static void forget_oldest(struct netns_set *set)
{
	struct netns_member *oldest = NULL;
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		struct netns_member *member = set->members[i];

		if (member->kernel || !member->collector)
			continue;
		n++;
		if (!oldest || member->released_at < oldest->released_at)
			oldest = member;
	}
	if (n > MAX_REMEMBERED)
		netns_member_forget(oldest, &set->past);
}

static void release(struct netns_set *set, struct netns_member *member, const char *why)
{
	netns_member_release(member, why);
	if (!rows_have_counted(collector_rows(member->collector)))
		netns_member_forget(member, &set->past);
	forget_oldest(set);
}

/* Releases a member whose file is gone, is another namespace's, or is not wanted.
 * Returns true if it did. */
static bool look_at(struct netns_set *set, struct netns_member *member, int dir_fd)
{
	const char *dir = set->env.paths.netns_dir;
	bool wanted = is_wanted(set, member->name);
	struct netns_id id;
	int err;

	if (member->kernel && wanted && netns_is(dir_fd, member->name, &member->id))
		return false;
	err = netns_identify(dir, member->name, &id);
	member->present = err != -ENOENT && err != -ENOTDIR;
	if (!member->kernel) {
		if (err == -ENOENT && is_named(set, member->name))
			netns_log_missing(&member->log, dir);
		return false;
	}
	if (!wanted)
		release(set, member, "no longer watched");
	else if (err || !netns_id_equal(&id, &member->id))
		release(set, member, "gone");
	else
		return false;
	return true;
}

/* Coming. */

/* Returns true if it was opened. */
static bool try_to_open(struct netns_set *set, struct netns_member *member)
{
	const struct netns_member *same = NULL;
	int fd = netns_open(set->env.paths.netns_dir, member->name, &member->id);
	int err = fd < 0 ? fd : 0;

	if (err == -EAGAIN || err == -ENOENT)
		return false; /* it is being made, or is gone already */
	if (!err) {
		same = find_id(set, &member->id);
		err = same ? -EEXIST : netns_member_open(member, fd);
		close(fd);
	}
	netns_log_opened(&member->log, err, same ? &same->log : NULL);
	return !err;
}

/* The watch of the directory. */

static void raise_fd_limit(void)
{
	struct rlimit limit;

	/* a namespace needs six */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Watches the directory while other namespaces are wanted. */
static int adjust_watch(struct netns_set *set)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int err = 0;

	if (!wants_any(set)) {
		netns_watch_close(set->watch); /* closing removes it from epoll */
		set->watch = NULL;
	} else if (!set->watch) {
		raise_fd_limit();
		err = netns_watch_open(set->env.paths.netns_dir, &set->watch);
		if (!err && epoll_ctl(set->env.epoll, EPOLL_CTL_ADD,
				      netns_watch_files_fd(set->watch), &event) < 0) {
			err = -errno;
			netns_watch_close(set->watch);
			set->watch = NULL;
		}
	}
	if (err && err != set->watch_error)
		log_message(LOG_ERR, "cannot watch %s: %s", set->env.paths.netns_dir,
			    strerror(-err));
	set->watch_error = err;
	return err;
}

int netns_set_mounts_fd(const struct netns_set *set)
{
	return set->watch ? netns_watch_mounts_fd(set->watch) : -1;
}

int netns_set_event_fd(const struct netns_set *set)
{
	return set->env.epoll;
}

/* Compares the files with what is open; polls do so even if the directory cannot be
 * watched. Whatever is to be released is released before anything is opened. */
bool netns_set_look(struct netns_set *set)
{
	bool changed = false;
	int dir = -1;

	adjust_watch(set);
	if (set->watch)
		netns_watch_read(set->watch);
	list_names(set);
	if (set->n > 1)
		dir = open(set->env.paths.netns_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 1; i < set->n; i++)
		changed |= look_at(set, set->members[i], dir);
	if (dir >= 0)
		close(dir);
	for (size_t i = 1; i < set->n; i++)
		if (!set->members[i]->kernel && set->members[i]->present &&
		    is_wanted(set, set->members[i]->name))
			changed |= try_to_open(set, set->members[i]);
	for (size_t i = set->n - 1; i > 0; i--) {
		const struct netns_member *member = set->members[i];

		if (!member->collector && !is_named(set, member->name) &&
		    (!member->present || !is_wanted(set, member->name)))
			remove_member(set, i);
	}
	return changed;
}

bool netns_set_read_events(struct netns_set *set)
{
	struct epoll_event ready[MAX_EVENTS];
	int n = epoll_wait(set->env.epoll, ready, MAX_EVENTS, 0);
	bool files = false;

	for (int i = 0; i < n; i++) {
		if (ready[i].data.ptr)
			netns_member_read_events(ready[i].data.ptr);
		else
			files = true;
	}
	if (files && set->watch)
		netns_watch_read(set->watch);
	return files;
}

/* Polls. */

int netns_set_poll(struct netns_set *set)
{
	int err = netns_member_poll(own(set));

	for (size_t i = 1; i < set->n; i++)
		if (set->members[i]->kernel)
			netns_member_poll(set->members[i]);
	return err;
}

void netns_set_settle(struct netns_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (netns_member_wants_poll(set->members[i]))
			netns_member_poll(set->members[i]);
}

int netns_set_list_sas(const struct netns_set *set, struct sa_list *list)
{
	int err = 0;

	for (size_t i = 0; i < set->n && !err; i++) {
		const struct netns_member *member = set->members[i];

		if (member->kernel && member->polled && !member->failing)
			err = collector_list_sas(member->collector, list);
	}
	sa_list_sort(list);
	return err;
}

bool netns_set_is_restored(const struct netns_set *set)
{
	return own(set)->restored;
}

bool netns_set_wants_poll(const struct netns_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (netns_member_wants_poll(set->members[i]))
			return true;
	return false;
}

int netns_set_snapshot(const struct netns_set *set, struct snapshot *fresh,
		       const struct snapshot *old)
{
	int err = 0;

	health_add(&fresh->health, &set->past);
	for (size_t i = 0; i < set->n && !err; i++)
		err = netns_member_snapshot(set->members[i], fresh, old);
	return err ? err : snapshot_sort(fresh);
}

/* A namespace that is there, but could not be opened, keeps its file. */
void netns_set_save(struct netns_set *set, uint64_t last_at)
{
	struct state_to_save *states;
	size_t n = 0;

	if (!netns_set_finish_save(set, 0) || !set->saver)
		return;
	states = calloc(set->n, sizeof(*states));
	if (!states) {
		log_message(LOG_ERR, "cannot save the state: out of memory");
		return;
	}
	for (size_t i = 0; i < set->n; i++) {
		struct netns_member *member = set->members[i];

		if (member != own(set) &&
		    (!member->present || !is_wanted(set, member->name)))
			continue;
		states[n].err =
		    netns_member_make_state(member, last_at, &states[n].image);
		n++;
	}
	state_saver_start(set->saver, states, n);
}

bool netns_set_finish_save(struct netns_set *set, uint64_t wait)
{
	return !set->saver || state_saver_finish(set->saver, wait);
}

/* The whole. */

static int open_own(struct netns_set *set)
{
	int err;

	set->env.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (set->env.epoll < 0) {
		err = -errno;
		log_message(LOG_ERR, "cannot watch for events: %s", strerror(-err));
		return err;
	}
	ensure(set, "");
	if (!set->n) {
		log_message(LOG_ERR, "out of memory");
		return -ENOMEM;
	}
	set->env.own = own(set);
	netns_identify_own(&own(set)->id); /* if it fails no other id is equal */
	err = netns_member_open(own(set), -1);
	if (err == -ENOMEM)
		log_message(LOG_ERR, "out of memory");
	else if (err)
		netns_log_no_kernel(err);
	return err;
}

int netns_set_probe(const struct kernel_opener *opener)
{
	void *kernel;
	int err = opener->open(65536, &kernel);

	if (err)
		netns_log_no_kernel(err);
	else
		opener->close(kernel);
	return err;
}

int netns_set_open(const struct kernel_opener *opener, const struct netns_paths *paths,
		   const struct netns_config *config, struct netns_set **ret)
{
	struct netns_set *set = calloc(1, sizeof(*set));
	int err = 0;

	if (!set) {
		log_message(LOG_ERR, "out of memory");
		return -ENOMEM;
	}
	set->env = (struct netns_env){
	    .opener = opener, .paths = *paths, .config = *config, .epoll = -1};
	if (paths->state_dir && !paths->read_only) {
		set->saver = state_saver_new(paths->state_dir);
		err = set->saver ? 0 : -ENOMEM;
	}
	if (err)
		log_message(LOG_ERR, "out of memory");
	else
		err = open_own(set);
	if (!err)
		err = adjust_watch(set);
	if (err) {
		netns_set_free(set);
		return err;
	}
	netns_set_look(set);
	*ret = set;
	return 0;
}

void netns_set_free(struct netns_set *set)
{
	if (!set)
		return;
	state_saver_free(set->saver);
	netns_watch_close(set->watch);
	/* the daemon's own comes last: the others share its buffer */
	for (size_t i = set->n; i-- > 0;)
		netns_member_free(set->members[i]);
	free(set->members);
	if (set->env.epoll >= 0)
		close(set->env.epoll);
	free(set);
}

/* If there is no memory for one of the others, it alone keeps its old rules. */
int netns_set_configure(struct netns_set *set, const struct netns_config *config)
{
	const struct netns_config old = set->env.config;
	int err;

	set->env.config = *config;
	err = netns_member_configure(own(set));
	if (err) {
		set->env.config = old;
		return err;
	}
	for (size_t i = 1; i < set->n; i++)
		if (set->members[i]->collector &&
		    netns_member_configure(set->members[i]) < 0)
			log_message(LOG_ERR,
				    "%sout of memory: the old configuration stays",
				    set->members[i]->log.prefix);
	netns_set_look(set);
	return 0;
}
