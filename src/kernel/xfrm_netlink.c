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
#include "kernel/netlink_request.h"
#include "kernel/netlink_socket.h"
#include "kernel/netns.h"
#include "kernel/route_lookup.h"
#include "kernel/sa_text.h"
#include "util/clock.h"
#include "util/log.h"

enum {
	/* What the kernel fills at most for one read of a dump (SKB_MAX_ALLOC,
	 * net/netlink/af_netlink.c). */
	BUFFER_SIZE = 32768,
	/* Event reads before others get their turn: each brings one message, and more
	 * than all that fit into a buffer of 16 MiB. */
	MAX_BATCHES = 65536,
	/* The same for those that the kernel did not send, which come without end, and
	 * for address events, of which one is as good as many. */
	MAX_FOREIGN = 1024,
	MAX_ADDR_EVENTS = 1024,
};

/* And the time for event reads, in ns. */
#define EVENTS_NS UINT64_C(100000000)

struct xfrm_netlink {
	const struct xfrm_netlink *home; /* the thread's own, NULL: it is this */
	int netns;                       /* the namespace, -1: unknown */
	struct mnl_socket *events;
	struct mnl_socket *xfrm;  /* requests to XFRM */
	struct mnl_socket *route; /* requests to rtnetlink */
	struct mnl_socket *addrs; /* address events */
	int xfrm_stat_fd;
	int xfrm_stat_error; /* why it is not open */
	uint32_t seq;
	uint64_t n_foreign; /* datagrams that the kernel did not send */
	char *buffer;       /* of BUFFER_SIZE, locked in memory; held keys; home's */
};

/* The thread goes into the handle's namespace, if that is not its own. */
static int enter(const struct xfrm_netlink *netlink)
{
	return netlink->home && setns(netlink->netns, CLONE_NEWNET) < 0 ? -errno : 0;
}

/* And back. Whatever a lost thread opened next would be of the wrong namespace. */
static void leave(const struct xfrm_netlink *netlink)
{
	if (netlink->home && setns(netlink->home->netns, CLONE_NEWNET) < 0) {
		perror("cannot return to the own network namespace");
		abort();
	}
}

static int open_event_sockets(struct xfrm_netlink *netlink, size_t rcvbuf)
{
	static const int xfrm_groups[] = {XFRMNLGRP_SA, XFRMNLGRP_EXPIRE,
					  XFRMNLGRP_POLICY, XFRMNLGRP_MIGRATE};
	static const int addr_groups[] = {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};
	int err = netlink_socket_open(NETLINK_XFRM, SOCK_NONBLOCK, &netlink->events);

	if (err)
		return err;
	netlink_socket_set_rcvbuf(netlink->events, rcvbuf);
	err = netlink_socket_join(netlink->events, xfrm_groups,
				  sizeof(xfrm_groups) / sizeof(xfrm_groups[0]));
	if (!err)
		err =
		    netlink_socket_open(NETLINK_ROUTE, SOCK_NONBLOCK, &netlink->addrs);
	if (!err)
		err = netlink_socket_join(netlink->addrs, addr_groups,
					  sizeof(addr_groups) / sizeof(addr_groups[0]));
	return err;
}

/* Keys pass through the buffer: it must be in no swap and no core. */
static int open_buffer(struct xfrm_netlink *netlink)
{
	void *buffer = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (buffer == MAP_FAILED)
		return -errno;
	netlink->buffer = buffer;
	mlock(buffer, BUFFER_SIZE); /* RLIMIT_MEMLOCK allows 8 MiB on Linux 5.16 on */
	madvise(buffer, BUFFER_SIZE, MADV_DONTDUMP);
	return 0;
}

/* What belongs to the namespace that the thread is in now. */
static int open_here(struct xfrm_netlink *netlink, size_t rcvbuf)
{
	int err = open_event_sockets(netlink, rcvbuf);

	if (!err)
		err = netlink_request_open(NETLINK_XFRM, &netlink->xfrm);
	if (!err)
		err = netlink_request_open(NETLINK_ROUTE, &netlink->route);
	/* Not /proc/net, which is the thread leader's namespace. A kernel without
	 * CONFIG_XFRM_STATISTICS has no such file. */
	if (!err)
		netlink->xfrm_stat_fd =
		    open("/proc/thread-self/net/xfrm_stat", O_RDONLY | O_CLOEXEC);
	if (!err && netlink->xfrm_stat_fd < 0)
		netlink->xfrm_stat_error = -errno;
	return err;
}

static struct xfrm_netlink *allocate(const struct xfrm_netlink *home)
{
	struct xfrm_netlink *netlink = calloc(1, sizeof(*netlink));

	if (netlink) {
		netlink->home = home;
		netlink->netns = -1;
		netlink->xfrm_stat_fd = -1;
	}
	return netlink;
}

static int open_own_netns(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static void close_all(void *kernel)
{
	struct xfrm_netlink *netlink = kernel;

	if (!netlink)
		return;
	netlink_socket_close(&netlink->events);
	netlink_socket_close(&netlink->addrs);
	netlink_socket_close(&netlink->xfrm);
	netlink_socket_close(&netlink->route);
	if (netlink->xfrm_stat_fd >= 0)
		close(netlink->xfrm_stat_fd);
	if (netlink->netns >= 0)
		close(netlink->netns);
	if (netlink->buffer && !netlink->home) {
		explicit_bzero(netlink->buffer, BUFFER_SIZE);
		munmap(netlink->buffer, BUFFER_SIZE);
	}
	free(netlink);
}

static int open_own(size_t rcvbuf, void **ret)
{
	struct xfrm_netlink *netlink = allocate(NULL);
	int err;

	if (!netlink)
		return -ENOMEM;
	netlink->netns = open_own_netns(); /* for the way back from others */
	err = open_buffer(netlink);
	if (!err)
		err = open_here(netlink, rcvbuf);
	if (err)
		close_all(netlink);
	else
		*ret = netlink;
	return err;
}

static int open_other(void *kernel, int netns, size_t rcvbuf, void **ret)
{
	const struct xfrm_netlink *home = kernel;
	struct xfrm_netlink *netlink;
	int err = netns_check(netns);

	if (!err && home->netns < 0)
		err = -ENOENT;
	if (err)
		return err;
	netlink = allocate(home);
	if (!netlink)
		return -ENOMEM;
	netlink->buffer = home->buffer;
	if (setns(netns, CLONE_NEWNET) < 0) {
		err = -errno;
	} else {
		/* A descriptor that came from a mount in /run/netns keeps the mount
		 * busy; one from /proc keeps only the namespace. */
		netlink->netns = open_own_netns();
		err = netlink->netns < 0 ? -errno : open_here(netlink, rcvbuf);
		leave(netlink);
	}
	if (err)
		close_all(netlink);
	else
		*ret = netlink;
	return err;
}

static int event_fd(void *kernel)
{
	const struct xfrm_netlink *netlink = kernel;

	return mnl_socket_get_fd(netlink->events);
}

static int cookie(void *kernel, uint64_t *ret)
{
	return netns_cookie(event_fd(kernel), ret);
}

/* The kinds of dump: what asks for them, of whom, and behind which header. */
static const struct {
	const char *name;
	uint16_t type;
	bool route;
	size_t header; /* zeros: every family */
} dumps[] = {
    [KERNEL_DUMP_SAD] = {"the SAD", XFRM_MSG_GETSA, false, 0},
    [KERNEL_DUMP_SPD] = {"the SPD", XFRM_MSG_GETPOLICY, false, 0},
    [KERNEL_DUMP_ADDRS] = {"the addresses", RTM_GETADDR, true, sizeof(struct rtgenmsg)},
    [KERNEL_DUMP_LINKS] = {"the links", RTM_GETLINK, true, sizeof(struct ifinfomsg)},
};

/* Which namespace, as "ls -l /proc/PID/ns/net" shows it. */
static unsigned long long netns_number(const struct xfrm_netlink *netlink)
{
	struct stat file;

	return fstat(netlink->netns, &file) < 0 ? 0 : file.st_ino;
}

static uint64_t now(void *kernel)
{
	(void)kernel;
	return clock_now_ns();
}

static int reopen(const struct xfrm_netlink *netlink, int protocol,
		  struct mnl_socket **socket)
{
	int err = enter(netlink);

	if (err)
		return err;
	err = netlink_request_open(protocol, socket);
	leave(netlink);
	return err;
}

/* The socket is closed after a failure that left answers in it. */
static int ensure_open(struct xfrm_netlink *netlink, bool route)
{
	struct mnl_socket **socket = route ? &netlink->route : &netlink->xfrm;

	return *socket ? 0
		       : reopen(netlink, route ? NETLINK_ROUTE : NETLINK_XFRM, socket);
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
	int ret = ensure_open(netlink, dumps[what].route);

	if (ret)
		return ret;
	nlh->nlmsg_type = dumps[what].type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++netlink->seq;
	if (dumps[what].header)
		mnl_nlmsg_put_extra_header(nlh, dumps[what].header);
	ret = netlink_request(dumps[what].route ? &netlink->route : &netlink->xfrm, nlh,
			      &reader);
	log_dump(netlink, what, reader.n_answers, start, ret);
	return ret;
}

static int route(void *kernel, uint16_t family, const struct in6_addr *local,
		 const struct in6_addr *remote, uint32_t bound, uint32_t *ret_if_index)
{
	struct xfrm_netlink *netlink = kernel;
	int err = ensure_open(netlink, true);

	return err ? err
		   : route_lookup_interface(&netlink->route, ++netlink->seq, family,
					    local, remote, bound, ret_if_index);
}

/* Its answer does not go through the buffer, which may hold a batch of a dump. No dump
 * of the same socket can be under way. */
static int route_type(void *kernel, uint16_t family, const struct in6_addr *addr,
		      uint32_t mark, uint8_t *ret_type)
{
	struct xfrm_netlink *netlink = kernel;
	int err = ensure_open(netlink, true);

	return err ? err
		   : route_lookup_type(&netlink->route, ++netlink->seq, family, addr,
				       mark, ret_type);
}

static void log_event(const struct xfrm_netlink *netlink, const struct nlmsghdr *nlh)
{
	char text[SA_TEXT_SIZE];

	if (log_debug_is_on(LOG_TOPIC_NETLINK))
		log_debug(LOG_TOPIC_NETLINK, "net:[%llu]: event %s",
			  netns_number(netlink),
			  sa_describe_message(nlh, text, sizeof(text)));
}

/* What is no message any more is lost, as if the kernel had dropped it. */
static int read_batch(const struct xfrm_netlink *netlink, ssize_t len,
		      kernel_message_cb cb, void *ctx)
{
	struct message_batch batch = {netlink->buffer, (size_t)len};
	const struct nlmsghdr *nlh;

	while ((nlh = message_next(&batch))) {
		int ret;

		log_event(netlink, nlh);
		ret = cb(ctx, nlh);
		if (ret)
			return ret;
	}
	return batch.left ? -ENOSPC : 0;
}

static int read_events(void *kernel, kernel_message_cb cb, void *ctx)
{
	struct xfrm_netlink *netlink = kernel;
	uint64_t end = clock_now_ns() + EVENTS_NS;
	uint64_t foreign = netlink->n_foreign;

	for (int i = 0; i < MAX_BATCHES && clock_now_ns() < end; i++) {
		ssize_t len = netlink_socket_receive(netlink->events, netlink->buffer,
						     BUFFER_SIZE);
		int ret;

		netlink->n_foreign += len == -EREMOTE;
		if (len == -EREMOTE && netlink->n_foreign - foreign < MAX_FOREIGN)
			continue;
		if (len == -EREMOTE)
			break;
		if (len <= 0)
			return (int)len;
		ret = read_batch(netlink, len, cb, ctx);
		explicit_bzero(netlink->buffer, (size_t)len);
		if (ret)
			return ret;
	}
	return 1;
}

/* The messages themselves do not matter, so that none is read whole: a dump says what
 * is. Of those that are left unread some may matter. */
static bool addrs_changed(void *kernel)
{
	struct xfrm_netlink *netlink = kernel;
	bool changed = false;

	for (int i = 0; i < MAX_ADDR_EVENTS; i++) {
		char byte;
		ssize_t len =
		    netlink_socket_receive(netlink->addrs, &byte, sizeof(byte));

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

static int read_xfrm_stat(void *kernel, struct xfrm_stat *ret)
{
	struct xfrm_netlink *netlink = kernel;

	return netlink->xfrm_stat_fd < 0 ? netlink->xfrm_stat_error
					 : xfrm_stat_read(netlink->xfrm_stat_fd, ret);
}

/* Any socket of the namespace does; this one is always open. */
static uint32_t if_index(void *kernel, const char *name)
{
	const struct xfrm_netlink *netlink = kernel;
	struct ifreq request = {.ifr_ifindex = 0};
	size_t len = strlen(name);

	if (len >= sizeof(request.ifr_name))
		return 0;
	memcpy(request.ifr_name, name, len);
	if (ioctl(mnl_socket_get_fd(netlink->addrs), SIOCGIFINDEX, &request) < 0)
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
