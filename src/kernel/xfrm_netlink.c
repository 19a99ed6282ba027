/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/xfrm_netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
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
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "kernel/link.h"
#include "kernel/message.h"
#include "kernel/netlink_socket.h"
#include "kernel/netns.h"
#include "kernel/route_lookup.h"

enum {
	/* What the kernel fills at most for one read of a dump (SKB_MAX_ALLOC,
	 * net/netlink/af_netlink.c). */
	BUFFER_SIZE = 32768,
	/* A dump of 100,000 SAs takes 20 ms; each read of it far less. */
	READ_TIMEOUT_S = 2,
	ANSWER_TIMEOUT_S = 10,
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
	unsigned seq;
	uint64_t n_foreign;  /* datagrams that the kernel did not send */
	unsigned lookup_seq; /* of route_type(), while another dump goes on */
	char *buffer;        /* of BUFFER_SIZE, locked in memory; held keys; home's */
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

static int open_request_socket(int protocol, struct mnl_socket **ret)
{
	int err = netlink_socket_open(protocol, 0, ret);

	if (!err)
		err = netlink_socket_set_timeout(*ret, READ_TIMEOUT_S);
	if (err)
		netlink_socket_close(ret);
	return err;
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
		err = open_request_socket(NETLINK_XFRM, &netlink->xfrm);
	if (!err)
		err = open_request_socket(NETLINK_ROUTE, &netlink->route);
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

int xfrm_netlink_open(size_t rcvbuf, struct xfrm_netlink **ret)
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
		xfrm_netlink_close(netlink);
	else
		*ret = netlink;
	return err;
}

/* setns() itself tells other kinds of namespaces, but a file that is not in nsfs may
 * belong to anybody. */
static int check_netns(int fd)
{
	struct statfs fs;
	int type;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != NSFS_MAGIC)
		return -ENOTTY;
	type = ioctl(fd, NS_GET_NSTYPE); /* Linux 4.11 */
	if (type < 0)
		return -errno;
	return type == CLONE_NEWNET ? 0 : -ENOTTY;
}

int xfrm_netlink_open_other(const struct xfrm_netlink *home, int netns, size_t rcvbuf,
			    struct xfrm_netlink **ret)
{
	struct xfrm_netlink *netlink;
	int err = check_netns(netns);

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
		xfrm_netlink_close(netlink);
	else
		*ret = netlink;
	return err;
}

void xfrm_netlink_close(struct xfrm_netlink *netlink)
{
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

int xfrm_netlink_cookie(const struct xfrm_netlink *netlink, uint64_t *ret)
{
	return netns_cookie(xfrm_netlink_event_fd(netlink), ret);
}

int xfrm_netlink_event_fd(const struct xfrm_netlink *netlink)
{
	return mnl_socket_get_fd(netlink->events);
}

static uint64_t now(void *kernel)
{
	struct timespec time;

	(void)kernel;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* One read into the buffer. Returns the bytes, 0 if nothing waits, -EREMOTE if it was
 * not from the kernel, -ENOSPC if it was cut, or another -errno. */
static ssize_t receive(struct xfrm_netlink *netlink, const struct mnl_socket *socket)
{
	ssize_t len = netlink_socket_receive(socket, netlink->buffer, BUFFER_SIZE);

	if (len == -EREMOTE)
		netlink->n_foreign++;
	if (len <= BUFFER_SIZE)
		return len;
	explicit_bzero(netlink->buffer, BUFFER_SIZE);
	return -ENOSPC;
}

static int error_of(const struct nlmsghdr *nlh)
{
	struct nlmsgerr error;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(error))
		return -EBADMSG;
	memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	return error.error;
}

static int done_status(const struct nlmsghdr *nlh)
{
	int status = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(status))
		memcpy(&status, mnl_nlmsg_get_payload(nlh), sizeof(status));
	return status < 0 ? status : 0;
}

/* The answers in one batch. Returns 1 at the dump's end, 0 if more is to come. */
static int read_answers(const struct xfrm_netlink *netlink, ssize_t len,
			kernel_message_cb cb, void *ctx)
{
	struct message_batch batch = {netlink->buffer, (size_t)len};
	const struct nlmsghdr *nlh;

	while ((nlh = message_next(&batch))) {
		int ret;

		if (nlh->nlmsg_seq != netlink->seq)
			continue; /* the rest of a dump given up */
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EINTR; /* the end itself may say so, too */
		if (nlh->nlmsg_type == NLMSG_DONE)
			return done_status(nlh) ? done_status(nlh) : 1;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			return error_of(nlh) ? error_of(nlh) : 1; /* 0 acknowledges */
		ret = cb(ctx, nlh);
		if (ret)
			return ret < 0 ? ret : -ret;
	}
	return batch.left ? -EBADMSG : 0;
}

static int receive_answers(struct xfrm_netlink *netlink,
			   const struct mnl_socket *socket, kernel_message_cb cb,
			   void *ctx)
{
	uint64_t deadline = now(NULL) + ANSWER_TIMEOUT_S * UINT64_C(1000000000);

	while (now(NULL) < deadline) {
		ssize_t len = receive(netlink, socket);
		int ret;

		if (len == -EREMOTE)
			continue;
		if (len <= 0)
			return len ? (int)len : -ETIMEDOUT;
		ret = read_answers(netlink, len, cb, ctx);
		explicit_bzero(netlink->buffer, (size_t)len);
		if (ret)
			return ret < 0 ? ret : 0;
	}
	return -ETIMEDOUT;
}

static struct nlmsghdr *start_request(struct xfrm_netlink *netlink, uint16_t type,
				      uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(netlink->buffer);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = ++netlink->seq;
	return nlh;
}

/* The kinds of dump: what asks for them, of whom, and behind which header. */
static const struct {
	uint16_t type;
	bool route;
	size_t header; /* zeros: every family */
} dumps[] = {
    [KERNEL_DUMP_SAD] = {XFRM_MSG_GETSA, false, 0},
    [KERNEL_DUMP_SPD] = {XFRM_MSG_GETPOLICY, false, 0},
    [KERNEL_DUMP_ADDRS] = {RTM_GETADDR, true, sizeof(struct rtgenmsg)},
    [KERNEL_DUMP_LINKS] = {RTM_GETLINK, true, sizeof(struct ifinfomsg)},
};

static int reopen(const struct xfrm_netlink *netlink, int protocol,
		  struct mnl_socket **socket)
{
	int err = enter(netlink);

	if (err)
		return err;
	err = open_request_socket(protocol, socket);
	leave(netlink);
	return err;
}

/* Sends the request that stands in the buffer and reads the answers. After a failure
 * the socket may still have half a dump in it: take another. */
static int ask(struct xfrm_netlink *netlink, bool route, const struct nlmsghdr *request,
	       kernel_message_cb cb, void *ctx)
{
	struct mnl_socket **socket = route ? &netlink->route : &netlink->xfrm;
	int err = 0;

	if (!*socket)
		err = reopen(netlink, route ? NETLINK_ROUTE : NETLINK_XFRM, socket);
	if (err)
		return err;
	if (mnl_socket_sendto(*socket, request, request->nlmsg_len) < 0)
		err = -errno;
	if (!err)
		err = receive_answers(netlink, *socket, cb, ctx);
	if (err)
		netlink_socket_close(socket);
	return err;
}

static int dump(void *kernel, enum kernel_dump what, kernel_message_cb cb, void *ctx)
{
	struct xfrm_netlink *netlink = kernel;
	struct nlmsghdr *nlh = start_request(netlink, dumps[what].type, NLM_F_DUMP);

	if (dumps[what].header)
		mnl_nlmsg_put_extra_header(nlh, dumps[what].header);
	return ask(netlink, dumps[what].route, nlh, cb, ctx);
}

static int on_route(void *ctx, const struct nlmsghdr *nlh)
{
	return link_of_route(nlh, ctx);
}

/* The answer is one message, or an error, and then the acknowledgement that ends it. */
static int route(void *kernel, uint16_t family, const struct in6_addr *local,
		 const struct in6_addr *remote, uint32_t bound, uint32_t *ret_if_index)
{
	struct xfrm_netlink *netlink = kernel;
	size_t size = family == AF_INET ? sizeof(struct in_addr) : sizeof(*remote);
	struct nlmsghdr *nlh = start_request(netlink, RTM_GETROUTE, NLM_F_ACK);
	struct rtmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof(*msg));

	msg->rtm_family = (unsigned char)family;
	msg->rtm_dst_len = (unsigned char)(size * 8);
	mnl_attr_put(nlh, RTA_DST, size, remote);
	if (!IN6_IS_ADDR_UNSPECIFIED(local)) {
		msg->rtm_src_len = (unsigned char)(size * 8);
		mnl_attr_put(nlh, RTA_SRC, size, local);
	}
	if (bound)
		mnl_attr_put_u32(nlh, RTA_OIF, bound);
	return ask(netlink, true, nlh, on_route, ret_if_index);
}

/* Its answer does not go through the buffer, which may hold a batch of a dump. No dump
 * of the same socket can be under way. */
static int route_type(void *kernel, uint16_t family, const struct in6_addr *addr,
		      uint32_t mark, uint8_t *ret_type)
{
	struct xfrm_netlink *netlink = kernel;
	int err = netlink->route ? 0 : reopen(netlink, NETLINK_ROUTE, &netlink->route);

	if (err)
		return err;
	err = route_lookup_type(netlink->route, ++netlink->lookup_seq, family, addr,
				mark, ret_type);
	if (err)
		netlink_socket_close(&netlink->route);
	return err;
}

/* What is no message any more is lost, as if the kernel had dropped it. */
static int read_batch(const struct xfrm_netlink *netlink, ssize_t len,
		      kernel_message_cb cb, void *ctx)
{
	struct message_batch batch = {netlink->buffer, (size_t)len};
	const struct nlmsghdr *nlh;

	while ((nlh = message_next(&batch))) {
		int ret = cb(ctx, nlh);

		if (ret)
			return ret;
	}
	return batch.left ? -ENOSPC : 0;
}

static int read_events(void *kernel, kernel_message_cb cb, void *ctx)
{
	struct xfrm_netlink *netlink = kernel;
	uint64_t end = now(NULL) + EVENTS_NS;
	uint64_t foreign = netlink->n_foreign;

	for (int i = 0; i < MAX_BATCHES && now(NULL) < end; i++) {
		ssize_t len = receive(netlink, netlink->events);
		int ret;

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

/* The messages themselves do not matter: a dump says what is. Of those that are left
 * unread some may matter. */
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
		else if (len < 0 && len != -ENOBUFS)
			return true;
		else
			changed = true;
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

const struct kernel_ops xfrm_netlink_ops = {
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
