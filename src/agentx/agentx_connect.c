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
	/* A peer that died without a FIN is noticed after 25 s, idle or not. A frozen
	 * one still acknowledges. */
	KEEPALIVE_IDLE_S = 10,
	KEEPALIVE_INTERVAL_S = 5,
	KEEPALIVE_COUNT = 3,
	USER_TIMEOUT_MS = 25000,
	/* Answers wait here while the master does not read. */
	SEND_BUFFER = 2 * 1024 * 1024,
};

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* None of these options is essential, so errors do not matter. */
static void set_options(int fd, int family)
{
	/* With CAP_NET_ADMIN, SO_SNDBUFFORCE ignores net.core.wmem_max. */
	if (set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER) < 0)
		set_option(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
	if (family == AF_UNIX)
		return;
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
}

/* Returns 0 and a connected socket, -EINPROGRESS and a socket, or -errno. */
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

/* Returns 0 with the first address in connect->next, -EINPROGRESS, or -ENONET. */
static int resolve(struct agentx_connect *connect, int *ret_gai_error)
{
	int result = gai_error(&connect->request);

	if (result == EAI_INPROGRESS)
		return -EINPROGRESS;
	connect->resolving = false;
	connect->next = connect->request.ar_result;
	*ret_gai_error = result;
	return result ? -ENONET : 0;
}

/* Asks how connect(2) went. */
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

int agentx_connect_step(struct agentx_connect *connect, int *ret_fd, int *ret_gai_error)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int err;

	*ret_gai_error = 0;
	if (connect->address.family == AF_UNIX) {
		memcpy(addr.sun_path, connect->address.path, sizeof(addr.sun_path));
		return begin(AF_UNIX, &addr, sizeof(addr), ret_fd);
	}
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
