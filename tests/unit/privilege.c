/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "privilege.h"

#include <check.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void privilege_drop_net_admin(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	ck_assert_int_eq(syscall(SYS_capget, &header, data), 0);
	data[0].effective &= ~CAP_TO_MASK(CAP_NET_ADMIN);
	ck_assert_int_eq(syscall(SYS_capset, &header, data), 0);
}

enum { FDS, FILES, N_LIMITS };

static const __rlimit_resource_t resources[N_LIMITS] = {RLIMIT_NOFILE, RLIMIT_FSIZE};
static struct rlimit before[N_LIMITS];
static bool limited[N_LIMITS];

static void limit(int which, rlim_t value)
{
	struct rlimit less;

	ck_assert_int_eq(getrlimit(resources[which], &before[which]), 0);
	less = (struct rlimit){value, before[which].rlim_max};
	ck_assert_int_eq(setrlimit(resources[which], &less), 0);
	limited[which] = true;
}

void privilege_limit_fds(void)
{
	limit(FDS, 0);
}

void privilege_limit_files(unsigned bytes)
{
	signal(SIGXFSZ, SIG_IGN);
	limit(FILES, bytes);
}

void privilege_unlimited(void)
{
	for (int i = 0; i < N_LIMITS; i++)
		if (limited[i])
			ck_assert_int_eq(setrlimit(resources[i], &before[i]), 0);
}
