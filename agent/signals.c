/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent_fd.h"

static void on_signal(int fd, void *data)
{
	struct signals *signals = data;
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		signals->reload = true;
	else
		signals->stop = true;
}

int signals_open(struct signals *signals)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*signals =
	    (struct signals){.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
	return signals->fd < 0 ? -errno
			       : agent_fd_watch(signals->fd, on_signal, signals);
}

void signals_close(struct signals *signals)
{
	if (signals->fd < 0)
		return;
	unregister_readfd(signals->fd);
	close(signals->fd);
}
