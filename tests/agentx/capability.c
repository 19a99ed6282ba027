/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loaded before libc: after SIGUSR1 the process lacks the effective capabilities of the
 * hexadecimal mask $LACKS, and after SIGUSR2 it has all again that it is permitted. */
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t lacks;

static void set_effective(int number)
{
	uint64_t without = number == SIGUSR1 ? lacks : 0;
	struct __user_cap_header_struct header = {.version =
						      _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		abort();
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted & ~(uint32_t)(without >> 32 * i);
	if (syscall(SYS_capset, &header, data))
		abort();
}

__attribute__((constructor)) static void listen_to_signals(void)
{
	const struct sigaction action = {.sa_handler = set_effective};

	lacks = strtoull(getenv("LACKS"), NULL, 16);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
}
