/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/xfrm_netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "kernel/message.h"
#include "kernel/netlink.h"
#include "kernel/netns.h"
#include "kernel/route_lookup.h"
#include "kernel/sa.h"
#include "util/array.h"
#include "util/clock.h"
#include "util/log.h"

enum {
	/* The kernel's largest datagram in a dump (SKB_MAX_ALLOC,
	 * net/netlink/af_netlink.c). */
	BUFFER_SIZE = 32768,
	/* Reads of events in one call, of one message each: more than fit into a buffer
	 * of 16 MiB. */
	MAX_BATCHES = 65536,
	/* The same for messages that the kernel did not send, which may never end, and
	 * for address events, of which one is enough. */
	MAX_FOREIGN = 1024,
	MAX_ADDR_EVENTS = 1024,
	/* One second in all. */
	LEAVE_ATTEMPTS = 100,
	LEAVE_PAUSE_NS = 10000000,
};

#define EVENTS_NS UINT64_C(100000000) /* time for the reads of events in one call */

/* The descriptors of a handle; -1: not open. */
enum {
	FD_EVENTS,
	FD_ADDRS, /* address events */
	FD_XFRM,  /* requests to XFRM */
	FD_ROUTE, /* requests to rtnetlink */
	FD_XFRM_STAT,
	FD_NETNS, /* the namespace */
	N_FDS
};

struct xfrm_netlink {
	const struct xfrm_netlink *home; /* the thread's own, NULL: it is this */
	int fds[N_FDS];
	int xfrm_stat_error; /* why it is not open */
	struct xfrm_stat_last xfrm_stat_last;
	uint32_t seq;
	uint64_t n_foreign; /* datagrams that the kernel did not send */
	char *buffer; /* BUFFER_SIZE, locked in memory, for keys; shared with home */
};

/* Moves the thread into the handle's namespace, if that is not its own. */
static int enter(const struct xfrm_netlink *netlink)
{
	return netlink->home && setns(netlink->fds[FD_NETNS], CLONE_NEWNET) < 0 ? -errno
										: 0;
}

/* Moves the thread back. Without memory it tries again. If it cannot, whatever the
 * thread opens next would be of the wrong namespace. */
static void leave(const struct xfrm_netlink *netlink)
{
	const struct timespec pause = {.tv_nsec = LEAVE_PAUSE_NS};
	const struct xfrm_netlink *home = netlink->home;

	for (int i = 1; home && setns(home->fds[FD_NETNS], CLONE_NEWNET) < 0; i++) {
		if (i == LEAVE_ATTEMPTS) {
			perror("cannot move back to the daemon's network namespace");
			abort();
		}
		nanosleep(&pause, NULL);
	}
}

/* Keys pass through the buffer: it must not be in swap or in a core dump. */
static int open_buffer(struct xfrm_netlink *netlink)
{
	void *buffer = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (buffer == MAP_FAILED)
		return -errno;
	netlink->buffer = buffer;
	mlock(buffer, BUFFER_SIZE); /* RLIMIT_MEMLOCK is 8 MiB since Linux 5.16 */
	madvise(buffer, BUFFER_SIZE, MADV_DONTDUMP);
	return 0;
}

/* Opens a socket in the namespace that the thread is in. */
static int open_socket(struct xfrm_netlink *netlink, int which, size_t rcvbuf)
{
	static const int xfrm_groups[] = {XFRMNLGRP_SA, XFRMNLGRP_EXPIRE,
					  XFRMNLGRP_POLICY, XFRMNLGRP_MIGRATE};
	static const int addr_groups[] = {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};
	int fd;

	if (which == FD_EVENTS)
		fd = netlink_open_events(NETLINK_XFRM, xfrm_groups,
					 ARRAY_SIZE(xfrm_groups), rcvbuf);
	else if (which == FD_ADDRS)
		fd = netlink_open_events(NETLINK_ROUTE, addr_groups,
					 ARRAY_SIZE(addr_groups), 0);
	else
		fd = netlink_open_requests(which == FD_XFRM ? NETLINK_XFRM
							    : NETLINK_ROUTE);
	netlink->fds[which] = fd;
	return fd < 0 ? fd : 0;
}

/* Not /proc/net, which is of the thread leader's namespace. A kernel without
 * CONFIG_XFRM_STATISTICS has no such file. */
static void open_xfrm_stat(struct xfrm_netlink *netlink)
{
	int fd = open("/proc/thread-self/net/xfrm_stat", O_RDONLY | O_CLOEXEC);

	netlink->xfrm_stat_error = fd < 0 ? -errno : 0;
	netlink->fds[FD_XFRM_STAT] = fd;
}

/* Opens all that belongs to the namespace that the thread is in. */
static int open_here(struct xfrm_netlink *netlink, size_t rcvbuf)
{
	for (int which = FD_EVENTS; which <= FD_ROUTE; which++) {
		int err = open_socket(netlink, which, rcvbuf);

		if (err)
			return err;
	}
	open_xfrm_stat(netlink);
	return 0;
}

static void close_all(void *kernel)
{
	struct xfrm_netlink *netlink = kernel;

	if (!netlink)
		return;
	for (int which = 0; which < N_FDS; which++)
		if (netlink->fds[which] >= 0)
			close(netlink->fds[which]);
	if (netlink->buffer && !netlink->home) {
		explicit_bzero(netlink->buffer, BUFFER_SIZE);
		munmap(netlink->buffer, BUFFER_SIZE);
	}
	free(netlink);
}

/* home: NULL, or the thread's own handle, which lends its buffer. */
static int open_handle(const struct xfrm_netlink *home, int netns, size_t rcvbuf,
		       void **ret)
{
	struct xfrm_netlink *netlink = calloc(1, sizeof(*netlink));
	int err = 0;

	if (!netlink)
		return -ENOMEM;
	for (int which = 0; which < N_FDS; which++)
		netlink->fds[which] = -1;
	netlink->home = home;
	netlink->buffer = home ? home->buffer : NULL;
	if (!home)
		err = open_buffer(netlink);
	else if (setns(netns, CLONE_NEWNET) < 0)
		err = -errno;
	if (!err) {
		/* not a copy of netns: a descriptor of a mount in /run/netns keeps the
		 * mount busy, this one keeps only the namespace */
		netlink->fds[FD_NETNS] =
		    open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		err = home && netlink->fds[FD_NETNS] < 0 ? -errno
							 : open_here(netlink, rcvbuf);
		leave(netlink);
	}
	if (err)
		close_all(netlink);
	else
		*ret = netlink;
	return err;
}

static int open_own(size_t rcvbuf, void **ret)
{
	return open_handle(NULL, -1, rcvbuf, ret);
}

static int open_other(void *kernel, int netns, size_t rcvbuf, void **ret)
{
	const struct xfrm_netlink *home = kernel;
	int err = netns_check(netns);

	if (!err && home->fds[FD_NETNS] < 0)
		err = -ENOENT; /* there is no way back */
	return err ? err : open_handle(home, netns, rcvbuf, ret);
}

static int event_fd(void *kernel)
{
	const struct xfrm_netlink *netlink = kernel;

	return netlink->fds[FD_EVENTS];
}

static int cookie(void *kernel, uint64_t *ret)
{
	return netns_cookie(event_fd(kernel), ret);
}

/* The kinds of dump: their names in the log, requests and sockets. */
static const struct {
	const char *name;
	uint16_t type;
	int socket;
	size_t header; /* zeros: every family */
} dumps[] = {
    [KERNEL_DUMP_SAD] = {"the SAD", XFRM_MSG_GETSA, FD_XFRM, 0},
    [KERNEL_DUMP_SPD] = {"the SPD", XFRM_MSG_GETPOLICY, FD_XFRM, 0},
    [KERNEL_DUMP_ADDRS] = {"the addresses", RTM_GETADDR, FD_ROUTE,
			   sizeof(struct rtgenmsg)},
    [KERNEL_DUMP_LINKS] = {"the links", RTM_GETLINK, FD_ROUTE,
			   sizeof(struct ifinfomsg)},
};

/* The namespace's number, as "ls -l /proc/PID/ns/net" shows it. */
static unsigned long long netns_number(const struct xfrm_netlink *netlink)
{
	struct stat file;

	return fstat(netlink->fds[FD_NETNS], &file) < 0 ? 0 : file.st_ino;
}

static uint64_t now(void *kernel)
{
	(void)kernel;
	return clock_now_ns();
}

/* Opens a socket again after an error that left answers in it. */
static int ensure_open(struct xfrm_netlink *netlink, int which)
{
	int err = netlink->fds[which] < 0 ? enter(netlink) : 0;

	if (err || netlink->fds[which] >= 0)
		return err;
	err = open_socket(netlink, which, 0);
	leave(netlink);
	return err;
}

static void log_dump(const struct xfrm_netlink *netlink, enum kernel_dump what,
		     size_t n_answers, uint64_t start, int ret)
{
	log_debug(LOG_TOPIC_NETLINK,
		  "net:[%llu]: dump of %s: %zu messages, %llu us%s%s",
		  netns_number(netlink), dumps[what].name, n_answers,
		  (unsigned long long)(clock_now_ns() - start) / 1000, ret ? ": " : "",
		  ret < 0 ? strerror(-ret)
		  : ret   ? "ended early"
			  : "");
}

static int dump(void *kernel, enum kernel_dump what, kernel_message_cb cb, void *ctx)
{
	struct xfrm_netlink *netlink = kernel;
	struct netlink_reader reader = {
	    .cb = cb, .ctx = ctx, .buffer = netlink->buffer, .size = BUFFER_SIZE};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(netlink->buffer);
	uint64_t start = clock_now_ns();
	int ret = ensure_open(netlink, dumps[what].socket);

	if (ret)
		return ret;
	nlh->nlmsg_type = dumps[what].type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++netlink->seq;
	if (dumps[what].header)
		mnl_nlmsg_put_extra_header(nlh, dumps[what].header);
	ret = netlink_request(&netlink->fds[dumps[what].socket], nlh, &reader);
	log_dump(netlink, what, reader.n_answers, start, ret);
	return ret;
}

/* The answer does not go through the buffer, which may hold a batch of a dump. No dump
 * on the same socket can be in progress. */
static int look_up(struct xfrm_netlink *netlink, const struct route_query *query,
		   struct route *ret)
{
	int err = ensure_open(netlink, FD_ROUTE);

	return err ? err
		   : route_look_up(&netlink->fds[FD_ROUTE], ++netlink->seq, query, ret);
}

static int route(void *kernel, uint16_t family, const struct in6_addr *local,
		 const struct in6_addr *remote, uint32_t bound, uint32_t *ret_if_index)
{
	struct route found;
	int err = look_up(
	    kernel, &(struct route_query){family, remote, local, bound, 0}, &found);

	if (!err && !found.if_index)
		err = -ENOENT;
	if (!err)
		*ret_if_index = found.if_index;
	return err;
}

static int route_type(void *kernel, uint16_t family, const struct in6_addr *addr,
		      uint32_t mark, uint8_t *ret_type)
{
	struct route found;
	int err =
	    look_up(kernel, &(struct route_query){family, addr, NULL, 0, mark}, &found);

	if (!err)
		*ret_type = found.type;
	return err;
}

/* Malformed bytes count as events that the kernel has dropped. */
static int read_batch(const struct xfrm_netlink *netlink, ssize_t len,
		      kernel_message_cb cb, void *ctx)
{
	struct message_batch batch = {netlink->buffer, (size_t)len};
	const struct nlmsghdr *nlh;
	char text[SA_TEXT_SIZE];
	int ret = 0;

	while (!ret && (nlh = message_next(&batch))) {
		log_debug(LOG_TOPIC_NETLINK, "net:[%llu]: event %s",
			  netns_number(netlink),
			  sa_describe_message(nlh, text, sizeof(text)));
		ret = cb(ctx, nlh);
	}
	return ret || !batch.left ? ret : -ENOSPC;
}

static int read_events(void *kernel, kernel_message_cb cb, void *ctx)
{
	struct xfrm_netlink *netlink = kernel;
	uint64_t end = clock_now_ns() + EVENTS_NS;
	uint64_t foreign = netlink->n_foreign;

	for (int i = 0; i < MAX_BATCHES && clock_now_ns() < end; i++) {
		ssize_t len = netlink_receive(netlink->fds[FD_EVENTS], netlink->buffer,
					      BUFFER_SIZE);
		int ret;

		if (len == -EREMOTE) {
			if (++netlink->n_foreign - foreign < MAX_FOREIGN)
				continue;
			break;
		}
		if (len <= 0)
			return (int)len;
		ret = read_batch(netlink, len, cb, ctx);
		explicit_bzero(netlink->buffer, (size_t)len);
		if (ret)
			return ret;
	}
	return 1;
}

/* The contents do not matter, because a dump reads the addresses: one byte of each
 * message is enough. Messages that are left unread may be changes, too. */
static bool addrs_changed(void *kernel)
{
	struct xfrm_netlink *netlink = kernel;
	bool changed = false;

	for (int i = 0; i < MAX_ADDR_EVENTS; i++) {
		char byte;
		ssize_t len =
		    netlink_receive(netlink->fds[FD_ADDRS], &byte, sizeof(byte));

		if (len == 0)
			return changed;
		if (len == -EREMOTE)
			netlink->n_foreign++;
		else if (len == -ENOSPC || len == -ENOBUFS)
			changed = true;
		else
			return true;
	}
	return true;
}

static uint64_t count_foreign(void *kernel)
{
	const struct xfrm_netlink *netlink = kernel;

	return netlink->n_foreign;
}

/* Without a descriptor or memory for it the file could not be opened. */
static int ensure_xfrm_stat(struct xfrm_netlink *netlink)
{
	bool may_come = netlink->xfrm_stat_error && netlink->xfrm_stat_error != -ENOENT;
	int err = may_come ? enter(netlink) : 0;

	if (may_come && !err) {
		open_xfrm_stat(netlink);
		leave(netlink);
	}
	return err ? err : netlink->xfrm_stat_error;
}

static int read_xfrm_stat(void *kernel, struct xfrm_stat *ret)
{
	struct xfrm_netlink *netlink = kernel;
	int err = ensure_xfrm_stat(netlink);

	return err ? err
		   : xfrm_stat_read(netlink->fds[FD_XFRM_STAT],
				    &netlink->xfrm_stat_last, ret);
}

/* Any socket of the namespace will do; this one is always open. */
static uint32_t if_index(void *kernel, const char *name)
{
	const struct xfrm_netlink *netlink = kernel;
	struct ifreq request = {.ifr_ifindex = 0};

	if (strlen(name) >= sizeof(request.ifr_name))
		return 0;
	strcpy(request.ifr_name, name);
	if (ioctl(netlink->fds[FD_ADDRS], SIOCGIFINDEX, &request) < 0)
		return 0;
	return (uint32_t)request.ifr_ifindex;
}

static const struct kernel_ops ops = {
    .dump = dump,
    .read_events = read_events,
    .route = route,
    .route_type = route_type,
    .addrs_changed = addrs_changed,
    .count_foreign = count_foreign,
    .read_xfrm_stat = read_xfrm_stat,
    .if_index = if_index,
    .now = now,
};

const struct kernel_opener xfrm_netlink_opener = {
    .ops = &ops,
    .open = open_own,
    .open_other = open_other,
    .close = close_all,
    .cookie = cookie,
    .event_fd = event_fd,
};
