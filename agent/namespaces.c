/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "namespaces.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "collector/collector.h"
#include "kernel/flood.h"
#include "kernel/netns.h"
#include "kernel/netns_watch.h"
#include "row_log.h"
#include "collector/state.h"
#include "kernel/xfrm_netlink.h"

#define NS_PER_MS UINT64_C(1000000)

/* The longest absence that counts as a restart. */
#define RESTART_NS UINT64_C(10000000000)

enum {
	/* Namespaces that have gone and whose counters are kept. */
	MAX_GONE = 256,
	MAX_EVENTS = 64,
};

/* A name, and what stands behind it now. */
struct namespace
{
	char name[NETNS_NAME_MAX + 1];      /* "": the daemon's own */
	char shown[SNAPSHOT_NETNS_MAX + 1]; /* the same for logs */
	bool present;                       /* the directory has a file of that name */
	int refused;                        /* why it was not opened, as last said */
	struct netns_id id;                 /* of what is open */
	struct xfrm_netlink *netlink;       /* NULL: nothing is open */
	struct collector *collector;        /* NULL: it has no rows */
	struct state_id state_id;           /* of what is open, or was last */
	bool has_state_id;
	struct row_log rows;
	uint64_t gone_at;
	int xfrm_stat_error;  /* why xfrm_stat was not read, as last said */
	bool xfrm_stat_odd;   /* that it has odd lines was said */
	bool failing;         /* the last poll failed */
	struct faults faults; /* as last logged */
	bool fresh;           /* there was no poll yet */
	bool deaf;            /* events are read at polls only, until one is good */
	struct flood flood;
};

static struct {
	const struct settings *settings;
	struct namespaces_paths paths;
	struct namespace **all; /* by name; the first is the daemon's own */
	size_t n;
	struct netns_watch *watch; /* NULL: no other namespaces are wanted */
	int epoll; /* of all event sockets: the agent itself has room for few */
	void (*changed)(bool came_or_went);
	struct health past; /* the counts of namespaces that are forgotten */
	int dir_error;      /* as last said */
	bool save_failing;
} self = {.epoll = -1};

static struct namespace *own(void)
{
	return self.all[0];
}

uint64_t namespaces_now(void)
{
	return xfrm_netlink_ops.now(NULL);
}

static bool is_own(const struct namespace *namespace)
{
	return !namespace->name[0];
}

void namespaces_log_open_error(int err)
{
	if (err == -EPERM)
		snmp_log(LOG_ERR,
			 "the kernel's SAs may only be read with the capability "
			 "CAP_NET_ADMIN: run as root, or see \"man 7 capabilities\"\n");
	else if (err == -EPROTONOSUPPORT)
		snmp_log(LOG_ERR, "this kernel has no IPsec (CONFIG_XFRM_USER): %s\n",
			 strerror(-err));
	else
		snmp_log(LOG_ERR, "cannot open the kernel's XFRM: %s\n",
			 strerror(-err));
}

/* The list of names. */

static int compare_name(const void *key, const void *element)
{
	return strcmp(key, (*(struct namespace *const *)element)->name);
}

static struct namespace *find(const char *name)
{
	struct namespace **found;

	if (!self.n)
		return NULL;
	found = bsearch(name, self.all, self.n, sizeof(*self.all), compare_name);
	return found ? *found : NULL;
}

/* The entry of that name, made if there is none. NULL: no memory. */
static struct namespace *ensure(const char *name)
{
	struct namespace *entry = find(name);
	struct namespace **grown;
	size_t at = self.n;

	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	grown = realloc(self.all, (self.n + 1) * sizeof(*grown));
	if (grown)
		self.all = grown;
	if (!entry || !grown) {
		free(entry);
		return NULL;
	}
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	instance_name_fit(entry->shown, sizeof(entry->shown), name);
	while (at > 0 && strcmp(grown[at - 1]->name, name) > 0)
		at--;
	memmove(&grown[at + 1], &grown[at], (self.n - at) * sizeof(*grown));
	grown[at] = entry;
	self.n++;
	return entry;
}

static void add_counts(struct health *to, const struct health *from)
{
	to->events += from->events;
	to->event_losses += from->event_losses;
	to->resyncs += from->resyncs;
	to->failed_polls += from->failed_polls;
	to->foreign += from->foreign;
}

/* Its rows go; what the daemon itself has counted stays counted. */
static void forget_rows(struct namespace *namespace)
{
	if (namespace->collector)
		add_counts(&self.past, collector_health(namespace->collector));
	collector_free(namespace->collector);
	namespace->collector = NULL;
}

static void remove_entry(size_t at)
{
	forget_rows(self.all[at]);
	free(self.all[at]);
	self.n--;
	memmove(&self.all[at], &self.all[at + 1], (self.n - at) * sizeof(*self.all));
}

/* What is wanted. */

static bool is_named(const char *name)
{
	return netns_list_names(&self.settings->namespaces, name) ||
	       instance_set_has_netns(&self.settings->instances, name);
}

static bool is_wanted(const char *name)
{
	return self.settings->namespaces.all || is_named(name);
}

static bool wants_any(void)
{
	const struct instance_set *set = &self.settings->instances;

	if (self.settings->namespaces.all || self.settings->namespaces.n)
		return true;
	for (size_t i = 0; i < set->n; i++)
		if (set->instances[i].netns[0])
			return true;
	return false;
}

/* Collectors. */

static uint64_t stale_after(void)
{
	return self.settings->stale_after_ms * NS_PER_MS;
}

/* sysfs shows the HBAs of the daemon's own namespace. */
static int make_collector(struct namespace *namespace)
{
	const struct collector_options options = {
	    .netns = namespace->name,
	    .sysfs_root = is_own(namespace) ? self.paths.sysfs_root : NULL,
	    .stale_after = stale_after(),
	};
	struct instance_set set;
	int err = instance_set_select(&self.settings->instances, namespace->name, &set);

	if (err)
		return err;
	namespace->collector =
	    collector_new(&xfrm_netlink_ops, namespace->netlink, &options, &set);
	instance_set_free(&set);
	return namespace->collector ? 0 : -ENOMEM;
}

/* "namespace NAME: ", or nothing. */
static const char *prefix(const struct namespace *namespace, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s", is_own(namespace) ? "" : "namespace ",
		 namespace->shown, is_own(namespace) ? "" : ": ");
	return text;
}

#define PREFIX(namespace) prefix(namespace, (char[96]){""}, 96)

static void log_state(const struct namespace *namespace, int err)
{
	char file[STATE_NAME_MAX + 1];

	state_file_name(file, namespace->name);
	switch (err) {
	case -ESTALE:
		snmp_log(LOG_INFO,
			 "%sthe saved state is of another boot or namespace: "
			 "counters start anew\n",
			 PREFIX(namespace));
		break;
	case -EBADMSG:
		snmp_log(LOG_WARNING,
			 "%s/%s is damaged, of another version or not a regular "
			 "file: rejected, counters start anew\n",
			 self.paths.state_dir, file);
		break;
	case 0:
	case -ENOENT:
		break;
	default:
		snmp_log(LOG_WARNING, "%s/%s: %s: counters start anew\n",
			 self.paths.state_dir, file, strerror(-err));
	}
}

/* A state that cannot be read to its end leaves nothing of itself behind. */
static int load_state(struct namespace *namespace)
{
	uint64_t last_at = 0;
	int err = state_load(self.paths.state_dir, namespace->name,
			     &namespace->state_id, namespace->collector, &last_at);

	log_state(namespace, err);
	/* A restart is too short for SAs to come and go in it; more may have hidden
	 * some. */
	if (!err && (!last_at || namespaces_now() - last_at > RESTART_NS))
		collector_note_gap(namespace->collector);
	if (!err || err == -ENOENT || err == -ESTALE)
		return 0;
	collector_free(namespace->collector);
	namespace->collector = NULL;
	return make_collector(namespace);
}

/* Event sockets. */

static void listen_to(struct namespace *namespace)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = namespace};

	if (self.epoll >= 0)
	namespace->deaf =
	    epoll_ctl(self.epoll, EPOLL_CTL_ADD,
		      xfrm_netlink_event_fd(namespace->netlink), &event) < 0;
}

static void stop_listening(struct namespace *namespace)
{
	if (self.epoll >= 0 && !namespace->deaf)
		epoll_ctl(self.epoll, EPOLL_CTL_DEL,
			  xfrm_netlink_event_fd(namespace->netlink), NULL);
}

static uint64_t count_foreign(const struct namespace *namespace)
{
	return collector_health(namespace->collector)->foreign;
}

static void log_foreign(struct namespace *namespace)
{
	uint64_t n = count_foreign(namespace);

	if (flood_log_is_due(&namespace->flood, n, namespaces_now()))
		snmp_log(LOG_WARNING,
			 "%sdropped %" PRIu64 " netlink messages that the kernel did "
			 "not send: a process with CAP_NET_ADMIN in that namespace "
			 "imitates it\n",
			 PREFIX(namespace), n);
}

static void log_fault(const struct namespace *namespace, enum source source, int err)
{
	if (err == -EPERM && source == SOURCE_SAS && is_own(namespace))
		namespaces_log_open_error(err);
	else if (err)
		snmp_log(LOG_ERR, "%scannot read %s: %s; %s\n", PREFIX(namespace),
			 source_name(source), strerror(-err), source_effect(source));
	else
		snmp_log(LOG_NOTICE, "%s%s can be read again\n", PREFIX(namespace),
			 source_name(source));
}

/* Once when one begins, once when it ends. */
static void log_faults(struct namespace *namespace)
{
	const struct faults *faults = collector_faults(namespace->collector);

	for (enum source source = 0; source < SOURCE_COUNT; source++) {
		int err = faults->errors[source];

		if (!err != !namespace->faults.errors[source])
			log_fault(namespace, source, err);
	}
	namespace->faults = *faults;
}

/* What cannot be read would stay readable for ever, and what another floods wakes for
 * ever: then the polls must do it. */
static void read_events(struct namespace *namespace)
{
	int err = collector_read_events(namespace->collector);

	flood_note(&namespace->flood, count_foreign(namespace));
	log_foreign(namespace);
	if ((!err && !namespace->flood.on) || namespace->deaf)
		return;
	log_faults(namespace);
	stop_listening(namespace);
	namespace->deaf = true;
}

/* Letting go. */

static void close_kernel(struct namespace *namespace)
{
	stop_listening(namespace);
	xfrm_netlink_close(namespace->netlink);
	namespace->netlink = NULL;
	namespace->deaf = false;
	namespace->failing = false;
	namespace->faults = (struct faults){0};
	namespace->fresh = false;
}

static void drop_oldest_gone(void)
{
	struct namespace *oldest = NULL;
	size_t n = 0;

	for (size_t i = 0; i < self.n; i++) {
		struct namespace *entry = self.all[i];

		if (entry->netlink || !entry->collector)
			continue;
		n++;
		if (!oldest || entry->gone_at < oldest->gone_at)
			oldest = entry;
	}
	if (n > MAX_GONE)
		forget_rows(oldest);
}

/*
 * The file is gone, or not wanted any more. The namespace itself lives as long as its
 * sockets here do: they bring its SAs' last numbers before they are closed.
 */
static void let_go(struct namespace *namespace, const char *why)
{
	if (!namespace->failing)
		collector_poll(namespace->collector);
	collector_detach(namespace->collector);
	close_kernel(namespace);
	namespace->gone_at = namespaces_now();
	if (self.paths.state_dir)
		state_remove(self.paths.state_dir, namespace->name);
	snmp_log(LOG_INFO, "namespace %s: %s\n", namespace->shown, why);
	if (!collector_has_counted(namespace->collector))
		forget_rows(namespace);
	drop_oldest_gone();
}

/* Coming. */

/* With its state, or as what went on under that name before. */
static int start_collecting(struct namespace *namespace)
{
	struct state_id before = namespace->state_id;
	bool same;
	int err;

	namespace->state_id = own()->state_id;
	namespace->has_state_id =
	    xfrm_netlink_cookie(namespace->netlink,
				&namespace->state_id.netns_cookie) == 0;
	if (namespace->collector) {
		same = namespace->has_state_id &&
		       before.netns_cookie == namespace->state_id.netns_cookie;
		return collector_attach(namespace->collector, namespace->netlink, same);
	}
	err = make_collector(namespace);
	if (!err && self.paths.state_dir && namespace->has_state_id)
		err = load_state(namespace);
	return err;
}

/* One namespace may have several names, but its SAs are counted once. */
static const struct namespace *find_id(const struct netns_id *id)
{
	for (size_t i = 0; i < self.n; i++)
		if (self.all[i]->netlink && netns_id_equal(&self.all[i]->id, id))
			return self.all[i];
	return NULL;
}

static void log_refusal(const struct namespace *namespace, int err)
{
	const struct namespace *other = find_id(&namespace->id);

	if (err == -EEXIST && other)
		snmp_log(LOG_INFO, "namespace %s: served already, as %s%s\n",
			 namespace->shown,
			 is_own(other) ? "the daemon's own" : "namespace ",
			 other->shown);
	else if (err == -EPERM)
		snmp_log(LOG_ERR,
			 "namespace %s: to enter it takes the capability "
			 "CAP_SYS_ADMIN besides CAP_NET_ADMIN\n",
			 namespace->shown);
	else if (err == -ENOTTY)
		snmp_log(LOG_ERR, "namespace %s: not a network namespace\n",
			 namespace->shown);
	else
		snmp_log(LOG_ERR, "namespace %s: cannot be watched: %s\n",
			 namespace->shown, strerror(-err));
}

/* Returns 0 or -errno, with nothing left open. */
static int open_namespace(struct namespace *namespace)
{
	int fd = netns_open(self.paths.netns_dir, namespace->name, &namespace->id);
	int err = 0;

	if (fd < 0)
		return fd;
	if (find_id(&namespace->id))
		err = -EEXIST;
	else
		err = xfrm_netlink_open_other(own()->netlink, fd,
					      self.settings->receive_buffer,
					      &namespace->netlink);
	close(fd);
	if (err)
		return err;
	err = start_collecting(namespace);
	if (err) {
		close_kernel(namespace);
		return err;
	}
	namespace->fresh = true;
	namespace->flood = (struct flood){.n = count_foreign(namespace),
					  .logged = count_foreign(namespace)};
	listen_to(namespace);
	return 0;
}

/* Returns true if it came. */
static bool try_to_open(struct namespace *namespace)
{
	int err = open_namespace(namespace);

	if (err == -EAGAIN || err == -ENOENT)
		return false; /* it is being made, or has gone already */
	if (err && err != namespace->refused)
		log_refusal(namespace, err);
	else if (!err)
		snmp_log(LOG_INFO, "namespace %s: watched\n", namespace->shown);
	namespace->refused = err;
	return !err;
}

/* Looking. */

static void on_name(void *ctx, const char *name)
{
	(void)ctx;
	ensure(name);
}

static void list_names(void)
{
	const struct instance_set *set = &self.settings->instances;
	int err = 0;

	for (size_t i = 0; i < self.settings->namespaces.n; i++)
		ensure(self.settings->namespaces.names[i]);
	for (size_t i = 0; i < set->n; i++)
		ensure(set->instances[i].netns);
	if (self.settings->namespaces.all)
		err = netns_list_dir(self.paths.netns_dir, on_name, NULL);
	if (err == -ENOENT)
		err = 0;
	if (err && err != self.dir_error)
		snmp_log(LOG_ERR, "%s: %s\n", self.paths.netns_dir, strerror(-err));
	self.dir_error = err;
}

static void log_waiting(struct namespace *namespace, int err)
{
	if (err != -ENOENT || namespace->refused == err || !is_named(namespace->name))
		return;
	snmp_log(LOG_NOTICE, "namespace %s: not in %s yet, it is waited for\n",
		 namespace->shown, self.paths.netns_dir);
	namespace->refused = err;
}

/* Lets it go if it is another, gone or not wanted. Returns true if so. */
static bool look_at(struct namespace *namespace)
{
	bool wanted = is_wanted(namespace->name);
	struct netns_id id;
	int err = netns_identify(self.paths.netns_dir, namespace->name, &id);

	namespace->present = err != -ENOENT && err != -ENOTDIR;
	if (!namespace->netlink) {
		log_waiting(namespace, err);
		return false;
	}
	if (!wanted)
		let_go(namespace, "watched no more");
	else if (err || !netns_id_equal(&id, &namespace->id))
		let_go(namespace, "gone");
	else
		return false;
	/* it was there: that it is waited for again goes without saying */
	namespace->refused = -ENOENT;
	return true;
}

static bool look(void)
{
	bool changed = false;

	list_names();
	for (size_t i = 1; i < self.n; i++)
		changed |= look_at(self.all[i]);
	for (size_t i = 1; i < self.n; i++)
		if (!self.all[i]->netlink && self.all[i]->present &&
		    is_wanted(self.all[i]->name))
			changed |= try_to_open(self.all[i]);
	for (size_t i = self.n - 1; i > 0; i--) {
		const struct namespace *entry = self.all[i];

		if (!entry->collector && !is_named(entry->name) &&
		    (!entry->present || !is_wanted(entry->name)))
			remove_entry(i);
	}
	return changed;
}

static void look_and_tell(void)
{
	netns_watch_read(self.watch);
	if (look())
		self.changed(true);
}

/* The agent's select loop. */

static void on_mounts(int fd, void *data)
{
	(void)fd, (void)data;
	look_and_tell();
}

/* An entry stays where it is while it is in the set; what is let go leaves it at once,
 * so that the directory comes last. */
static void on_ready(int fd, void *data)
{
	struct epoll_event ready[MAX_EVENTS];
	int n = epoll_wait(fd, ready, MAX_EVENTS, 0);
	bool files = false;

	(void)data;
	for (int i = 0; i < n; i++) {
		if (ready[i].data.ptr)
			read_events(ready[i].data.ptr);
		else
			files = true;
	}
	if (files)
		look_and_tell();
	self.changed(false);
}

static void raise_fd_limit(void)
{
	struct rlimit limit;

	/* six for each namespace */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int register_watch(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int mounts = netns_watch_mounts_fd(self.watch);

	if (epoll_ctl(self.epoll, EPOLL_CTL_ADD, netns_watch_files_fd(self.watch),
		      &event) < 0)
		return -errno;
	if (mounts >= 0 &&
	    register_exceptfd(mounts, on_mounts, NULL) != FD_REGISTERED_OK)
		return -EMFILE;
	return 0;
}

static void close_watch(void)
{
	if (!self.watch)
		return;
	if (self.epoll >= 0) {
		epoll_ctl(self.epoll, EPOLL_CTL_DEL, netns_watch_files_fd(self.watch),
			  NULL);
		if (netns_watch_mounts_fd(self.watch) >= 0)
			unregister_exceptfd(netns_watch_mounts_fd(self.watch));
	}
	netns_watch_close(self.watch);
	self.watch = NULL;
}

/* As long as other namespaces are wanted. */
static int adjust_watch(void)
{
	int err = 0;

	if (!wants_any()) {
		close_watch();
		return 0;
	}
	if (self.watch)
		return 0;
	raise_fd_limit();
	err = netns_watch_open(self.paths.netns_dir, &self.watch);
	if (!err && self.epoll >= 0)
		err = register_watch();
	if (err)
		close_watch();
	return err;
}

/* Without a watch, which may have been refused, there are still the polls. */
void namespaces_look(void)
{
	if (!self.watch && wants_any())
		adjust_watch();
	if (self.watch)
		netns_watch_read(self.watch);
	if (wants_any() || self.n > 1)
		look();
}

static void log_watch(int err)
{
	snmp_log(LOG_ERR, "cannot watch %s: %s\n", self.paths.netns_dir,
		 strerror(-err));
}

static bool is_state_wanted(void *ctx, const char *file)
{
	char name[STATE_NAME_MAX + 1];

	(void)ctx;
	for (size_t i = 1; i < self.n; i++) {
		state_file_name(name, self.all[i]->name);
		if (!strcmp(name, file))
			return self.all[i]->present;
	}
	return false;
}

int namespaces_start(void (*changed)(bool came_or_went))
{
	int err = 0;

	self.changed = changed;
	self.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (self.epoll < 0)
		return -errno;
	if (register_readfd(self.epoll, on_ready, NULL) != FD_REGISTERED_OK)
		return -EMFILE;
	for (size_t i = 0; i < self.n; i++)
		if (self.all[i]->netlink)
			listen_to(self.all[i]);
	if (self.watch)
		err = register_watch();
	/* what became of them while the daemon was away is not known */
	if (self.paths.state_dir)
		state_remove_unwanted(self.paths.state_dir, is_state_wanted, NULL);
	return err;
}

/* The whole. */

static int open_own(void)
{
	struct namespace *entry = ensure("");
	int err;

	if (!entry)
		return -ENOMEM;
	err = xfrm_netlink_open(self.settings->receive_buffer, &entry->netlink);
	if (err)
		return err;
	netns_identify_own(&entry->id); /* if it fails none is taken for it */
	err = make_collector(entry);
	if (err || !self.paths.state_dir)
		return err;
	err = state_id_read(&entry->state_id);
	if (!err)
		return load_state(entry);
	snmp_log(LOG_WARNING,
		 "no state is kept: cannot tell the boot and the namespace: %s\n",
		 strerror(-err));
	self.paths.state_dir = NULL;
	return 0;
}

int namespaces_open(const struct settings *settings,
		    const struct namespaces_paths *paths)
{
	int err;

	self.settings = settings;
	self.paths = *paths;
	err = open_own();
	if (err == -ENOMEM)
		snmp_log(LOG_ERR, "out of memory\n");
	else if (err)
		namespaces_log_open_error(err);
	if (err)
		return err;
	err = adjust_watch();
	if (err)
		log_watch(err);
	if (self.watch)
		look();
	return err;
}

void namespaces_close(void)
{
	close_watch();
	for (size_t i = self.n; i-- > 0;) {
		collector_free(self.all[i]->collector);
		xfrm_netlink_close(self.all[i]->netlink);
		free(self.all[i]);
	}
	free(self.all);
	self.all = NULL;
	self.n = 0;
	if (self.epoll >= 0) {
		unregister_readfd(self.epoll);
		close(self.epoll);
		self.epoll = -1;
	}
}

static int configure_one(const struct namespace *namespace)
{
	struct instance_set set;
	int err = instance_set_select(&self.settings->instances, namespace->name, &set);

	if (err)
		return err;
	err = collector_reconfigure(namespace->collector, &set, stale_after());
	instance_set_free(&set);
	return err;
}

/* If memory ends amid the others, they keep their old rules: what is right for the
 * daemon's own is then in force. */
int namespaces_configure(void)
{
	int err = configure_one(own());

	if (err)
		return err;
	for (size_t i = 1; i < self.n; i++)
		if (self.all[i]->collector && configure_one(self.all[i]) < 0)
			snmp_log(LOG_ERR,
				 "namespace %s: no memory for its new instances\n",
				 self.all[i]->shown);
	err = adjust_watch();
	if (err)
		log_watch(err);
	look();
	return 0;
}

#define XFRM_STAT_LOSS "BadSPIPackets and PacketsNotDecrypted do not count"

static void log_xfrm_stat_error(const struct namespace *namespace, int err)
{
	if (err == -ENOENT)
		snmp_log(LOG_WARNING,
			 "%sno /proc/net/xfrm_stat: " XFRM_STAT_LOSS
			 "; they need a kernel with CONFIG_XFRM_STATISTICS\n",
			 PREFIX(namespace));
	else if (err == -EBADMSG)
		snmp_log(LOG_WARNING,
			 "%s/proc/net/xfrm_stat lacks XfrmInNoStates or "
			 "XfrmInStateProtoError: " XFRM_STAT_LOSS
			 "; report it with the file and the kernel's version\n",
			 PREFIX(namespace));
	else
		snmp_log(LOG_WARNING,
			 "%scannot read /proc/net/xfrm_stat: %s: " XFRM_STAT_LOSS
			 " until it can be read again\n",
			 PREFIX(namespace), strerror(-err));
}

/* Once for each change. */
static void log_xfrm_stat(struct namespace *namespace)
{
	struct xfrm_stat_status status =
	    collector_xfrm_stat_status(namespace->collector);

	if (status.err && status.err != namespace->xfrm_stat_error)
		log_xfrm_stat_error(namespace, status.err);
	else if (!status.err && namespace->xfrm_stat_error)
		snmp_log(LOG_NOTICE, "%s/proc/net/xfrm_stat can be read again\n",
			 PREFIX(namespace));
	namespace->xfrm_stat_error = status.err;
	if (!status.err && status.n_skipped && !namespace->xfrm_stat_odd)
		snmp_log(LOG_WARNING,
			 "%sskipped %zu lines of /proc/net/xfrm_stat: not a name and a "
			 "number, or more than %d counters\n",
			 PREFIX(namespace), status.n_skipped, XFRM_STAT_MAX);
	namespace->xfrm_stat_odd |= !status.err && status.n_skipped;
}

static int poll_one(struct namespace *namespace)
{
	int err = collector_poll(namespace->collector);

	namespace->failing = err != 0;
	log_faults(namespace);
	row_log(&namespace->rows, PREFIX(namespace),
		collector_room(namespace->collector));
	flood_note_poll(&namespace->flood, count_foreign(namespace));
	log_foreign(namespace);
	log_xfrm_stat(namespace);
	namespace->fresh = false;
	/* Events that could not be read are listened for again once a poll was good. */
	if (namespace->deaf && !namespace->flood.on && !namespace->failing &&
	    !namespace->faults.errors[SOURCE_EVENTS])
		listen_to(namespace);
	return err;
}

int namespaces_poll(void)
{
	int err = poll_one(own());

	for (size_t i = 1; i < self.n; i++)
		if (self.all[i]->netlink)
			poll_one(self.all[i]);
	return err;
}

bool namespaces_want_poll(void)
{
	for (size_t i = 0; i < self.n; i++) {
		const struct namespace *entry = self.all[i];

		if (entry->netlink && !entry->failing && !entry->flood.on &&
		    !entry->faults.errors[SOURCE_EVENTS] &&
		    (entry->fresh || collector_wants_poll(entry->collector)))
			return true;
	}
	return false;
}

/* After a failed poll the old numbers stand; only how the collecting does is new. */
static void keep_numbers(struct snapshot_row *rows, size_t n,
			 const struct snapshot *old)
{
	for (size_t i = 0; i < n; i++) {
		const struct snapshot_row *row = snapshot_find(old, rows[i].name);

		if (!row)
			continue;
		rows[i].stats = row->stats;
		rows[i].replay_failures = row->replay_failures;
	}
}

/* One that nobody has looked into yet has nothing to show but zeros. */
static bool has_rows(const struct namespace *namespace)
{
	if (!namespace->collector)
		return false;
	return !namespace->fresh || collector_last_poll(namespace->collector) != 0;
}

int namespaces_snapshot(struct snapshot *fresh, const struct snapshot *old)
{
	int err = 0;

	add_counts(&fresh->health, &self.past);
	for (size_t i = 0; i < self.n && !err; i++) {
		size_t first = fresh->n_rows;

		if (!has_rows(self.all[i]))
			continue;
		err = collector_snapshot(self.all[i]->collector, fresh);
		if (!err && self.all[i]->failing)
			keep_numbers(fresh->rows + first, fresh->n_rows - first, old);
	}
	snapshot_sort(fresh);
	return err;
}

/* The first failure after a success is logged; mostly all fail alike. */
static void log_save(const struct namespace *namespace, int err)
{
	char file[STATE_NAME_MAX + 1];

	if (self.save_failing)
		return;
	self.save_failing = true;
	state_file_name(file, namespace->name);
	snmp_log(LOG_ERR, "cannot save the state as %s/%s: %s\n", self.paths.state_dir,
		 file, strerror(-err));
}

void namespaces_save(uint64_t last_at)
{
	bool failed = false;

	if (!self.paths.state_dir)
		return;
	for (size_t i = 0; i < self.n; i++) {
		const struct namespace *entry = self.all[i];
		int err = 0;

		if (is_own(entry) || (entry->netlink && entry->has_state_id))
			err = state_save(self.paths.state_dir, entry->name,
					 &entry->state_id, entry->collector, last_at);
		if (err)
			log_save(entry, err);
		failed |= err != 0;
	}
	if (!failed && self.save_failing)
		snmp_log(LOG_NOTICE, "the state can be saved again\n");
	self.save_failing = failed;
}
