/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/agentx_connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	/* A peer that died without a FIN is noticed after 25 s, idle or not; one that
	 * is only frozen still acknowledges. */
	KEEPALIVE_IDLE_S = 10,
	KEEPALIVE_INTERVAL_S = 5,
	KEEPALIVE_COUNT = 3,
	USER_TIMEOUT_MS = 25000,
	/* Answers wait here while the master does not read. */
	SEND_BUFFER = 4 * 1024 * 1024,
};

static void set_tcp_option(int fd, int option, int value)
{
	setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value));
}

/* None of these is needed to work: what a kernel refuses is left as it is. */
static void set_options(int fd, int family)
{
	const int yes = 1;
	const int size = SEND_BUFFER;

	/* SO_SNDBUFFORCE passes net.core.wmem_max by, with CAP_NET_ADMIN */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (family == AF_UNIX)
		return;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	set_tcp_option(fd, TCP_NODELAY, 1);
	set_tcp_option(fd, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	set_tcp_option(fd, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	set_tcp_option(fd, TCP_KEEPCNT, KEEPALIVE_COUNT);
	set_tcp_option(fd, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
}

/* Returns 0 and a connected socket, -EINPROGRESS and one on its way, or -errno. */
static int begin(int family, const void *addr, socklen_t len, int *ret_fd)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	set_options(fd, family);
	if (connect(fd, addr, len) < 0)
		err = -errno;
	if (err && err != -EINPROGRESS)
		close(fd);
	else
		*ret_fd = fd;
	return err;
}

static int connect_unix(const struct agentx_address *address, int *ret_fd)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	memcpy(addr.sun_path, address->path, strlen(address->path) + 1);
	return begin(AF_UNIX, &addr, sizeof(addr), ret_fd);
}

static void forget_addresses(struct agentx_connect *connect)
{
	if (connect->request.ar_result)
		freeaddrinfo(connect->request.ar_result);
	connect->request.ar_result = NULL;
	connect->next = NULL;
}

static int start_resolving(struct agentx_connect *connect)
{
	struct gaicb *list[] = {&connect->request};

	connect->hints = (struct addrinfo){.ai_family = connect->address.family,
					   .ai_socktype = SOCK_STREAM};
	connect->request = (struct gaicb){.ar_name = connect->address.host,
					  .ar_service = connect->address.port,
					  .ar_request = &connect->hints};
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL))
		return -EAGAIN;
	connect->resolving = true;
	return 0;
}

/* Returns 0 once the addresses are there, -EINPROGRESS, or -ENONET. */
static int resolve(struct agentx_connect *connect, int *ret_gai_error)
{
	int result = gai_error(&connect->request);

	if (result == EAI_INPROGRESS)
		return -EINPROGRESS;
	connect->resolving = false;
	if (result) {
		*ret_gai_error = result;
		return -ENONET;
	}
	connect->next = connect->request.ar_result;
	return 0;
}

/* How the connection under way has gone on. */
static int finish(struct agentx_connect *connect, int *ret_fd)
{
	struct pollfd pollfd = {.fd = connect->fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int error = 0;

	if (poll(&pollfd, 1, 0) == 0)
		return -EINPROGRESS;
	connect->connecting = false;
	if (getsockopt(connect->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (!error) {
		*ret_fd = connect->fd;
		return 0;
	}
	close(connect->fd);
	return -error;
}

/* The next of the host's addresses. */
static int try_next(struct agentx_connect *connect, int *ret_fd)
{
	const struct addrinfo *info = connect->next;
	int err = begin(info->ai_family, info->ai_addr, info->ai_addrlen, ret_fd);

	connect->next = info->ai_next;
	if (err == -EINPROGRESS) {
		connect->fd = *ret_fd;
		connect->connecting = true;
	}
	return err;
}

int agentx_connect_start(struct agentx_connect *connect,
			 const struct agentx_address *address)
{
	if (!agentx_connect_cancel(connect))
		return -EBUSY;
	connect->address = *address;
	return address->family == AF_UNIX ? 0 : start_resolving(connect);
}

/* The resolver's answer, then one address after the other. */
static int step_tcp(struct agentx_connect *connect, int *ret_fd, int *ret_gai_error)
{
	int err;

	if (connect->resolving) {
		err = resolve(connect, ret_gai_error);
		if (!err)
			err = try_next(connect, ret_fd);
	} else {
		err = finish(connect, ret_fd);
	}
	while (err && err != -EINPROGRESS && connect->next)
		err = try_next(connect, ret_fd);
	if (err != -EINPROGRESS)
		forget_addresses(connect);
	return err;
}

int agentx_connect_step(struct agentx_connect *connect, int *ret_fd, int *ret_gai_error)
{
	*ret_gai_error = 0;
	if (connect->address.family == AF_UNIX)
		return connect_unix(&connect->address, ret_fd);
	return step_tcp(connect, ret_fd, ret_gai_error);
}

bool agentx_connect_cancel(struct agentx_connect *connect)
{
	if (connect->connecting)
		close(connect->fd);
	connect->connecting = false;
	/* not gai_cancel(3), which leaks a request that it cancels (glibc 2.36) */
	if (connect->resolving && gai_error(&connect->request) == EAI_INPROGRESS)
		return false;
	connect->resolving = false;
	forget_addresses(connect);
	return true;
}
