/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/agentx_connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "privilege.h"
#include "runner.h"

static struct agentx_connect connecting;
static char dir[] = "/tmp/agentx_connect_XXXXXX";
static char path[64];

static void setup(void)
{
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/master", dir);
}

static void teardown(void)
{
	ck_assert(agentx_connect_cancel(&connecting));
	unlink(path);
	rmdir(dir);
}

static struct agentx_address address_of(const char *text)
{
	struct agentx_address address;
	char error[256];

	ck_assert_msg(agentx_address_parse(text, &address, error, sizeof(error)) == 0,
		      "%s", error);
	return address;
}

/* Continues until the attempt ends. */
static int connect_to(const char *text, int *ret_fd, int *ret_gai_error)
{
	const struct timespec pause = {.tv_nsec = AGENTX_CONNECT_STEP_MS * 1000000};
	struct agentx_address address = address_of(text);
	int err = agentx_connect_start(&connecting, &address);

	while (!err) {
		err = agentx_connect_step(&connecting, ret_fd, ret_gai_error);
		if (err != -EINPROGRESS)
			return err;
		err = nanosleep(&pause, NULL);
	}
	return err;
}

static int listen_on_path(int backlog)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(addr.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

static int listen_on_tcp(unsigned *ret_port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

static void assert_connected(int fd)
{
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	close(fd);
}

CHAPTER(setup, teardown);

TEST(a_unix_socket)
{
	int listener = listen_on_path(1);
	int fd;
	int gai_error;

	ck_assert_int_eq(connect_to(path, &fd, &gai_error), 0);
	assert_connected(fd);
	close(listener);
	ck_assert_int_eq(connect_to(path, &fd, &gai_error), -ECONNREFUSED);
	unlink(path);
	ck_assert_int_eq(connect_to(path, &fd, &gai_error), -ENOENT);
	ck_assert_int_eq(gai_error, 0);
}

/* A blocking connect() would never return here. */
TEST(a_full_backlog)
{
	int listener = listen_on_path(0);
	int fds[8];
	int gai_error;
	size_t n = 0;
	int err = 0;

	while (n < 8 && !err)
		err = connect_to(path, &fds[n++], &gai_error);
	ck_assert_int_eq(err, -EAGAIN);
	for (size_t i = 0; i + 1 < n; i++)
		close(fds[i]);
	close(listener);
}

TEST(tcp)
{
	unsigned port;
	int listener = listen_on_tcp(&port);
	char text[64];
	int fd;
	int gai_error;

	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u", port);
	ck_assert_int_eq(connect_to(text, &fd, &gai_error), 0);
	assert_connected(fd);
	close(listener);
	ck_assert_int_eq(connect_to(text, &fd, &gai_error), -ECONNREFUSED);
	ck_assert_int_eq(gai_error, 0);
}

TEST(a_name_that_is_none)
{
	int fd;
	int gai_error;

	ck_assert_int_eq(connect_to("tcp:bad..name:705", &fd, &gai_error), -ENONET);
	ck_assert_int_ne(gai_error, 0);
	/* the next attempt is a new one */
	ck_assert_int_eq(connect_to(path, &fd, &gai_error), -ENOENT);
	ck_assert_int_eq(gai_error, 0);
}

/* An abandoned attempt leaves no open descriptor. */
TEST(given_up)
{
	unsigned port;
	int listener = listen_on_tcp(&port);
	struct agentx_address address;
	char text[64];
	int before = dup(listener);
	int after;
	int fd;
	int gai_error;

	close(before);
	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u", port);
	address = address_of(text);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(agentx_connect_start(&connecting, &address), 0);
		if (agentx_connect_step(&connecting, &fd, &gai_error) == 0)
			close(fd);
		while (!agentx_connect_cancel(&connecting))
			;
	}
	after = dup(listener);
	ck_assert_int_eq(after, before);
	close(after);
	close(listener);
}

/* No master answers: the backlog of this listener is full. */
TEST(a_master_that_does_not_answer)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	unsigned port;
	int listener = listen_on_tcp(&port);
	struct agentx_address address;
	char text[64];
	int before = dup(listener);
	int fds[8];
	int fd;
	int gai_error;

	close(before);
	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u", port);
	address = address_of(text);
	for (size_t i = 0; i < 8; i++) {
		fds[i] = -1;
		ck_assert_int_eq(agentx_connect_start(&connecting, &address), 0);
		for (int step = 0; step < 50 && fds[i] < 0; step++) {
			int err = agentx_connect_step(&connecting, &fd, &gai_error);

			ck_assert(err == 0 || err == -EINPROGRESS);
			if (err == 0)
				fds[i] = fd;
			nanosleep(&pause, NULL);
		}
		while (!agentx_connect_cancel(&connecting))
			;
	}
	ck_assert_int_eq(fds[7], -1);
	for (size_t i = 0; i < 8; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	ck_assert_int_eq(dup(listener), before);
	close(before);
	close(listener);
}

/* The resolver still works on the last attempt. */
TEST(an_attempt_that_comes_too_soon)
{
	struct agentx_address address = address_of("tcp:127.0.0.1:1");
	int err = 0;

	for (int i = 0; i < 100000 && !err; i++)
		err = agentx_connect_start(&connecting, &address);
	ck_assert_int_eq(err, -EBUSY);
	while (!agentx_connect_cancel(&connecting))
		;
}

static int send_buffer(int fd)
{
	int size = 0;
	socklen_t len = sizeof(size);

	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len), 0);
	return size;
}

/* Otherwise net.core.wmem_max limits it. */
TEST(the_send_buffer_is_as_large_as_permitted)
{
	int listener = listen_on_path(1);
	int usual = send_buffer(listener);
	int fd;
	int gai_error;

	privilege_drop_net_admin();
	ck_assert_int_eq(connect_to(path, &fd, &gai_error), 0);
	ck_assert_int_gt(send_buffer(fd), usual);
	close(fd);
	close(listener);
}

TEST(no_descriptor_is_left)
{
	int fd = -1;
	int gai_error;
	int err;

	privilege_limit_fds();
	err = connect_to(path, &fd, &gai_error);
	privilege_unlimited();
	ck_assert_int_eq(err, -EMFILE);
	ck_assert_int_eq(fd, -1);
}
