# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces for tests.

They are made as by "ip netns", a file and then a mount on it, but in a directory of the
test.
"""

import ctypes
import os
import subprocess
import time

from harness import INSTANCE, XFRM, SceneTest, fds, keep_larval_sas, stat, wait_for

CLONE_NEWNET = 0x40000000
MNT_DETACH = 2
MS_BIND = 4096
AT_ONCE = 0.5  # seconds
ALL = "unattributed"
PENDING = "PendingKeyOperations"
libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class NamespacesTest(SceneTest):
    """The daemon searches for namespaces in self.dir."""

    def setUp(self):
        super().setUp()
        self.dir = self.scene.dir / "netns"
        self.dir.mkdir()
        self.addCleanup(self.remove_all)
        plain, once = self.scene.arguments, self.scene.once_argv
        self.scene.arguments = lambda *more: plain("--netns-dir", self.dir, *more)
        self.scene.once_argv = lambda *more: once(
            *more, *(["--netns-dir", self.dir] if "--once" in more else []))

    def remove_all(self):
        for path in list(self.dir.iterdir()) if self.dir.exists() else ():
            self.unmount(path)

    @staticmethod
    def unmount(path):
        libc.umount2(os.fsencode(path), MNT_DETACH)

    def make(self, name, *commands, pause=0.0):
        """A namespace in which these commands of ip were run."""
        path = os.path.join(os.fsencode(self.dir), os.fsencode(name))
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        time.sleep(pause)
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        check(libc.unshare(CLONE_NEWNET))
        try:
            keep_larval_sas()
            for command in commands:
                subprocess.run(["ip", *command.split()], check=True,
                               stdout=subprocess.DEVNULL)
            check(libc.mount(b"/proc/thread-self/ns/net", path, b"none", MS_BIND, None))
        finally:
            check(libc.setns(here, CLONE_NEWNET))
            os.close(here)

    def larval(self, name, count=1, pause=0.0):
        """A namespace with so many larval SAs, and an address of its own."""
        alloc = "xfrm state allocspi src 192.0.2.99 dst 192.0.2.9 proto esp mode tunnel"
        self.make(name, "link set lo up", "address add 192.0.2.9 dev lo",
                  *[alloc] * count, pause=pause)

    def delete(self, name):
        path = os.path.join(os.fsencode(self.dir), os.fsencode(name))
        self.unmount(path)
        os.unlink(path)

    def fds(self):
        return fds(self.scene.daemon.pid)

    def pending(self, name):
        return self.scene.manager.value(stat(PENDING, name))

    def netns(self, name):
        return self.scene.manager.value(INSTANCE + (5, len(name), *name))

    def xfrm_namespaces(self):
        names = []
        for varbind in self.scene.manager.walk(XFRM + (3,)):
            index = varbind.name[len(XFRM) + 1:]
            name = bytes(index[1:1 + index[0]])
            names += [] if names[-1:] == [name] else [name]
        return names

    def comes(self, *names, timeout=AT_ONCE):
        wait_for(lambda: all(self.scene.daemon.log().count(f"namespace {name}: watched")
                             for name in names), f"{names} are watched", timeout)
