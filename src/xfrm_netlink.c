/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xfrm_netlink.h"

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
#include <sys/time.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "link.h"
#include "netns.h"

enum {
	/* What the kernel fills at most for one read of a dump (SKB_MAX_ALLOC,
	 * net/netlink/af_netlink.c). */
	BUFFER_SIZE = 32768,
	/* A dump of 100,000 SAs takes 20 ms; each read of it far less. */
	ANSWER_TIMEOUT_S = 2,
	/* Event reads before others get their turn: each brings one message, and more
	 * than all that fit into a buffer of 16 MiB. */
	MAX_BATCHES = 65536,
};

struct xfrm_netlink {
	const struct xfrm_netlink *home; /* the thread's own, NULL: it is this */
	int netns;                       /* the namespace, -1: unknown */
	struct mnl_socket *events;
	struct mnl_socket *xfrm;  /* requests to XFRM */
	struct mnl_socket *route; /* requests to rtnetlink */
	struct mnl_socket *addrs; /* address events */
	int xfrm_stat_fd;
	unsigned seq;
	char *buffer; /* of BUFFER_SIZE, locked in memory; held keys; home's */
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

static int open_socket(int protocol, int flags, struct mnl_socket **ret)
{
	struct mnl_socket *socket = mnl_socket_open2(protocol, SOCK_CLOEXEC | flags);

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int err = -errno;

		mnl_socket_close(socket);
		return err;
	}
	*ret = socket;
	return 0;
}

static void close_socket(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
	*socket = NULL;
}

static int open_request_socket(int protocol, struct mnl_socket **ret)
{
	const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	int err = open_socket(protocol, 0, ret);

	if (!err && setsockopt(mnl_socket_get_fd(*ret), SOL_SOCKET, SO_RCVTIMEO,
			       &timeout, sizeof(timeout)) < 0) {
		err = -errno;
		close_socket(ret);
	}
	return err;
}

static int join(struct mnl_socket *socket, const int *groups, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0)
			return -errno;
	}
	return 0;
}

/* SO_RCVBUFFORCE passes net.core.rmem_max by; without the right to it take what the
 * limit allows. */
static void set_rcvbuf(struct mnl_socket *socket, size_t rcvbuf)
{
	int fd = mnl_socket_get_fd(socket);
	int size = (int)rcvbuf;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int open_event_sockets(struct xfrm_netlink *netlink, size_t rcvbuf)
{
	static const int xfrm_groups[] = {XFRMNLGRP_SA, XFRMNLGRP_EXPIRE,
					  XFRMNLGRP_POLICY, XFRMNLGRP_MIGRATE};
	static const int addr_groups[] = {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};
	int err = open_socket(NETLINK_XFRM, SOCK_NONBLOCK, &netlink->events);

	if (err)
		return err;
	set_rcvbuf(netlink->events, rcvbuf);
	err = join(netlink->events, xfrm_groups,
		   sizeof(xfrm_groups) / sizeof(xfrm_groups[0]));
	if (!err)
		err = open_socket(NETLINK_ROUTE, SOCK_NONBLOCK, &netlink->addrs);
	if (!err)
		err = join(netlink->addrs, addr_groups,
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
	if (!err && netlink->xfrm_stat_fd < 0 && errno != ENOENT)
		err = -errno;
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

int xfrm_netlink_open(size_t rcvbuf, struct xfrm_netlink **ret)
{
	struct xfrm_netlink *netlink = allocate(NULL);
	int err;

	if (!netlink)
		return -ENOMEM;
	/* Only the way back from other namespaces needs it. */
	netlink->netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
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
	netlink->netns = fcntl(netns, F_DUPFD_CLOEXEC, 0);
	err = netlink->netns < 0 ? -errno : enter(netlink);
	if (!err) {
		err = open_here(netlink, rcvbuf);
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
	close_socket(&netlink->events);
	close_socket(&netlink->addrs);
	close_socket(&netlink->xfrm);
	close_socket(&netlink->route);
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

/* One read. Returns the bytes, 0 if nothing waits, or -errno. */
static ssize_t receive(struct xfrm_netlink *netlink, struct mnl_socket *socket)
{
	ssize_t len;

	do
		len = mnl_socket_recvfrom(socket, netlink->buffer, BUFFER_SIZE);
	while (len < 0 && errno == EINTR);
	if (len >= 0)
		return len;
	if (errno == EAGAIN)
		return 0;
	len = -errno; /* ENOSPC: the message was cut, and is in the buffer */
	explicit_bzero(netlink->buffer, BUFFER_SIZE);
	return len;
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
	const struct nlmsghdr *nlh = (const void *)netlink->buffer;
	int left = (int)len;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		int ret;

		if (nlh->nlmsg_seq != netlink->seq)
			continue; /* the rest of a dump given up */
		if (nlh->nlmsg_type == NLMSG_DONE)
			return done_status(nlh) ? done_status(nlh) : 1;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			return error_of(nlh) ? error_of(nlh) : 1; /* 0 acknowledges */
		ret = cb(ctx, nlh);
		if (ret)
			return ret < 0 ? ret : -ret;
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EINTR;
	}
	return left ? -EBADMSG : 0;
}

static int receive_answers(struct xfrm_netlink *netlink, struct mnl_socket *socket,
			   kernel_message_cb cb, void *ctx)
{
	for (;;) {
		ssize_t len = receive(netlink, socket);
		int ret;

		if (len == 0)
			return -ETIMEDOUT;
		if (len < 0)
			return (int)len;
		ret = read_answers(netlink, len, cb, ctx);
		explicit_bzero(netlink->buffer, (size_t)len);
		if (ret)
			return ret < 0 ? ret : 0;
	}
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
		close_socket(socket);
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

static int read_batch(const struct xfrm_netlink *netlink, ssize_t len,
		      kernel_message_cb cb, void *ctx)
{
	const struct nlmsghdr *nlh = (const void *)netlink->buffer;
	int left = (int)len;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		int ret = cb(ctx, nlh);

		if (ret)
			return ret;
	}
	return 0;
}

static int read_events(void *kernel, kernel_message_cb cb, void *ctx)
{
	struct xfrm_netlink *netlink = kernel;

	for (int i = 0; i < MAX_BATCHES; i++) {
		ssize_t len = receive(netlink, netlink->events);
		int ret;

		if (len <= 0)
			return (int)len;
		ret = read_batch(netlink, len, cb, ctx);
		explicit_bzero(netlink->buffer, (size_t)len);
		if (ret)
			return ret;
	}
	return 1;
}

/* The messages themselves do not matter: a dump says what is. */
static bool addrs_changed(void *kernel)
{
	struct xfrm_netlink *netlink = kernel;
	bool changed = false;
	char byte;

	for (;;) {
		ssize_t len = recv(mnl_socket_get_fd(netlink->addrs), &byte,
				   sizeof(byte), MSG_DONTWAIT | MSG_TRUNC);

		if (len < 0 && errno == EAGAIN)
			return changed;
		if (len < 0 && errno != ENOBUFS && errno != EINTR)
			return true;
		changed = true;
	}
}

static int read_xfrm_stat(void *kernel, struct xfrm_stat *ret)
{
	struct xfrm_netlink *netlink = kernel;

	return netlink->xfrm_stat_fd < 0 ? -ENOENT
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

static uint64_t now(void *kernel)
{
	struct timespec time;

	(void)kernel;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

const struct kernel_ops xfrm_netlink_ops = {
    .dump = dump,
    .read_events = read_events,
    .route = route,
    .addrs_changed = addrs_changed,
    .read_xfrm_stat = read_xfrm_stat,
    .if_index = if_index,
    .now = now,
};
