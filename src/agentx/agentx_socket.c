/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/agentx_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	int inotify;
	char path[sizeof(((struct agentx_address *)NULL)->path)];
	struct stat file; /* st_ino 0: there is none */
	uint64_t looked_at;
	uint64_t next_look;
} self = {.inotify = -1, .next_look = UINT64_MAX};

int agentx_socket_open(void)
{
	self.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return self.inotify < 0 ? -errno : self.inotify;
}

void agentx_socket_close(void)
{
	if (self.inotify >= 0)
		close(self.inotify);
	self.inotify = -1;
}

/* The events are not parsed: what has come shows when the path is looked at. */
void agentx_socket_read(uint64_t now)
{
	char buffer[4096];
	uint64_t earliest = self.looked_at + AGENTX_SOCKET_MS;

	while (read(self.inotify, buffer, sizeof(buffer)) > 0)
		;
	if (self.file.st_ino)
		self.next_look = now > earliest ? now : earliest;
}

/* One event is reported, so that a directory where much happens does not wake up the
 * daemon all the time. */
static bool arm(void)
{
	char dir[sizeof(self.path)];
	char *slash;

	strcpy(dir, self.path);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	return inotify_add_watch(self.inotify, slash ? dir : ".",
				 IN_CREATE | IN_MOVED_TO | IN_ONESHOT | IN_ONLYDIR) >=
	       0;
}

void agentx_socket_note(const struct agentx_address *address, uint64_t now)
{
	self.file = (struct stat){.st_ino = 0};
	self.next_look = UINT64_MAX;
	if (address->family != AF_UNIX)
		return;
	strcpy(self.path, address->path);
	if (stat(self.path, &self.file) == 0)
		agentx_socket_look(now);
}

uint64_t agentx_socket_next_look(void)
{
	return self.next_look;
}

bool agentx_socket_was_replaced(void)
{
	struct stat now;

	if (!self.file.st_ino || stat(self.path, &now) < 0)
		return false;
	return now.st_ino != self.file.st_ino || now.st_dev != self.file.st_dev;
}

bool agentx_socket_look(uint64_t now)
{
	self.looked_at = now;
	self.next_look = arm() ? UINT64_MAX : now + AGENTX_SOCKET_MS;
	return agentx_socket_was_replaced();
}
