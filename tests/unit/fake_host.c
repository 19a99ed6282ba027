/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_host.h"

#include <check.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

struct fake_namespace fake_host[FAKE_NAMESPACES];

static const char *const files[FAKE_NAMESPACES] = {
    "/proc/self/ns/net", "/proc/self/ns/uts", "/proc/self/ns/ipc"};

void fake_host_make(void)
{
	for (int i = 0; i < FAKE_NAMESPACES; i++) {
		fake_host[i] = (struct fake_namespace){
		    .kernel = {.now = UINT64_C(1000000000000),
			       .xfrm_stat = "XfrmInNoStates\t0\n"
					    "XfrmInStateProtoError\t0\n"},
		    .file = files[i],
		    .event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		    .cookie = 100 + (uint64_t)i,
		};
		ck_assert_int_ge(fake_host[i].event_fd, 0);
		fake_kernel_addr(&fake_host[i].kernel, "10.0.0.1", 2);
	}
}

void fake_host_free(void)
{
	for (int i = 0; i < FAKE_NAMESPACES; i++) {
		fake_kernel_free(&fake_host[i].kernel);
		close(fake_host[i].event_fd);
	}
}

void fake_host_set_bytes(int namespace, uint64_t bytes)
{
	struct fake_kernel *kernel = &fake_host[namespace].kernel;
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1", 1);

	sa.bytes = bytes;
	fake_kernel_clear(&kernel->dumps[KERNEL_DUMP_SAD]);
	fake_kernel_sa(kernel, &sa);
}

void fake_host_wake(int namespace)
{
	ck_assert_int_eq(eventfd_write(fake_host[namespace].event_fd, 1), 0);
}

static int open_one(int number, void **ret)
{
	struct fake_namespace *namespace = &fake_host[number];

	if (namespace->open_error)
		return namespace->open_error;
	namespace->opened++;
	*ret = namespace;
	return 0;
}

static int open_own(size_t rcvbuf, void **ret)
{
	ck_assert_uint_gt(rcvbuf, 0);
	return open_one(FAKE_HOME, ret);
}

static int open_other(void *home, int netns, size_t rcvbuf, void **ret)
{
	struct stat wanted, file;

	ck_assert_ptr_eq(home, &fake_host[FAKE_HOME]);
	ck_assert_uint_gt(rcvbuf, 0);
	ck_assert_int_eq(fstat(netns, &wanted), 0);
	for (int i = FAKE_BLUE; i < FAKE_NAMESPACES; i++)
		if (!stat(files[i], &file) && file.st_ino == wanted.st_ino)
			return open_one(i, ret);
	return -ENOTTY;
}

static void close_one(void *kernel)
{
	if (kernel)
		((struct fake_namespace *)kernel)->closed++;
}

static int cookie(void *kernel, uint64_t *ret)
{
	const struct fake_namespace *namespace = kernel;

	if (namespace->cookie_error)
		return namespace->cookie_error;
	*ret = namespace->cookie;
	return 0;
}

static int event_fd(void *kernel)
{
	return ((struct fake_namespace *)kernel)->event_fd;
}

const struct kernel_opener fake_opener = {
    .ops = &fake_kernel_ops,
    .open = open_own,
    .open_other = open_other,
    .close = close_one,
    .cookie = cookie,
    .event_fd = event_fd,
};
