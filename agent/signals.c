/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent_fd.h"

static struct {
	int fd;
	bool stop;
	bool reload;
} self = {.fd = -1};

static void on_signal(int fd, void *data)
{
	struct signalfd_siginfo info;

	(void)data;
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		self.reload = true;
	else
		self.stop = true;
}

int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	self.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return self.fd < 0 ? -errno : agent_fd_watch(self.fd, on_signal);
}

void signals_close(void)
{
	if (self.fd < 0)
		return;
	unregister_readfd(self.fd);
	close(self.fd);
	self.fd = -1;
}

bool signals_stop(void)
{
	return self.stop;
}

bool signals_take_reload(void)
{
	bool reload = self.reload;

	self.reload = false;
	return reload;
}
