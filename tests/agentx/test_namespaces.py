# SPDX-License-Identifier: GPL-2.0-or-later
"""Other network namespaces: their rows, and that each is closed when it disappears.

The lab tests keyed SAs, and so rows that stay after their namespace.
"""

import os
import shutil
import signal
import socket
import stat as stat_module
import subprocess
import time
from pathlib import Path

from fault_cost import SHARE, cpu_seconds
from harness import (
    AS_SERVICE, DAEMON, INSTANCE, MEASURABLE, SANITIZED, Process, active, add_larval,
    compile_shim, fds, holds_for, rss_kib, run, wait_for)
from namespaces import ALL, AT_ONCE, MS_BIND, NamespacesTest, check, libc


def hashed(name):
    """The 32-bit FNV-1a hash at the end of a name that was cut."""
    value = 0x811C9DC5
    for byte in name:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return b"~%08x" % value


class Namespaces(NamespacesTest):
    # --- what is served ---------------------------------------------------------------

    def test_live_view(self):
        """A new namespace is watched at once, long before the next poll."""
        self.scene.configure("namespace *")
        log = self.scene.dir / "watch.log"
        with open(log, "wb") as stream, subprocess.Popen(
                self.scene.once_argv("--watch=3600", "--netns-dir", self.dir),
                stdout=subprocess.PIPE, stderr=stream) as watch:
            watch.stdout.readline()
            self.larval("blue", pause=0.5)
            wait_for(lambda: "namespace blue: watched" in log.read_text(), "it is watched",
                     AT_ONCE)
            watch.terminate()
            watch.communicate(timeout=60)
        self.assertEqual(watch.returncode, 0)

    def test_rows(self):
        self.larval("blue", 3)
        self.larval("red", 1)
        add_larval("192.0.2.1")
        self.scene.start("namespace blue", "instance own local 192.0.2.1")
        self.assertEqual(self.scene.names(), ["own", ALL, f"blue/{ALL}"])
        self.assertEqual(self.pending(f"blue/{ALL}"), 3)
        self.assertEqual((self.pending("own"), self.pending(ALL)), (1, 0))
        self.assertEqual(self.netns(b"blue/unattributed"), b"blue")
        self.assertEqual(self.netns(b"own"), b"")
        self.assertEqual(self.scene.manager.value(active(f"blue/{ALL}")), 1)
        self.assertEqual(self.xfrm_namespaces(), [b"", b"blue"])
        self.assertEqual(os.stat(f"/proc/{self.scene.daemon.pid}/ns/net").st_ino,
                         os.stat("/proc/self/ns/net").st_ino, "where the daemon itself is")
        self.assertIn("blue/unattributed", self.scene.once("--once").stdout)

    def test_all_of_them(self):
        for name in "blue", "red", ".hidden":
            self.larval(name)
        self.scene.start("namespace *")
        self.assertEqual(set(self.scene.names()),
                         {ALL, f"red/{ALL}", f"blue/{ALL}", f".hidden/{ALL}"})
        self.assertEqual(self.xfrm_namespaces(), [b"", b"red", b"blue", b".hidden"])

    def test_instances(self):
        """A line is for one namespace, by default for the daemon's own."""
        self.larval("blue", 2)
        self.larval("red", 2)
        add_larval("192.0.2.1")
        self.scene.start("instance all namespace blue descr \"all of blue\"",
                         "instance lo namespace red device lo",
                         "instance far namespace red remote 10.0.0.0/8",
                         "instance far remote 192.0.2.99",
                         f"instance {ALL} namespace red descr \"the rest of red\"")
        self.assertEqual(self.scene.names(),
                         ["far", "red/lo", "red/far", "blue/all", ALL, f"red/{ALL}",
                          f"blue/{ALL}"])
        self.assertEqual([self.pending(name) for name in self.scene.names()],
                         [1, 2, 0, 2, 0, 0, 0])
        self.assertEqual(self.scene.manager.value(INSTANCE + (7, 6, *b"red/lo")), 1)
        self.assertEqual(self.scene.manager.value(INSTANCE + (3, 8, *b"blue/all")),
                         b"all of blue")
        self.assertEqual(
            self.scene.manager.value(INSTANCE + (3, 16, *b"red/unattributed")),
            b"the rest of red")

    def test_names(self):
        """Everything that can be the name of a file. The name of a row has at most 64
        printable characters, the tools can request it, and two names never become
        equal."""
        names = [b"with blank", "bläu".encode(), b"n" * 255, b"~", b"-f", b"*",
                 b"%s%n", b"a\nb", b"m" * 51, b"m" * 52, b"...",
                 b'say "so"', b"say _so_", b"back\\slash", b"a~0badc0de"]
        for name in names:
            self.larval(name)
        self.scene.start("namespace *")
        rows = set()
        for name in names:
            row = name + b"/unattributed"
            good = [32 <= byte < 127 and byte not in b'"\\' for byte in row]
            if len(row) > 64 or not all(good):
                tail = hashed(row)
                row = bytes(byte if it else 95 for byte, it in zip(row, good))[:55] + tail
            rows.add(row)
        served = [bytes(varbind.name[len(INSTANCE) + 2:])
                  for varbind in self.scene.manager.walk(INSTANCE + (2,))]
        self.assertEqual(set(served), rows | {b"unattributed"})
        self.assertEqual(served, sorted(served, key=lambda name: (len(name), name)))
        self.assertEqual(len(self.xfrm_namespaces()), len(names) + 1)

    def test_names_in_the_log(self):
        """A name adds no line to the log, and does not control a terminal."""
        name = b"x\nforged: \x1b[2J\xe9"
        self.scene.start("namespace *")
        self.larval(name)
        shown = "x_forged: _[2J_" + hashed(name).decode()
        wait_for(lambda: f"namespace {shown}: watched" in self.scene.daemon.log(), "it is seen")
        self.delete(name)
        wait_for(lambda: f"namespace {shown}: gone" in self.scene.daemon.log(), "it is gone")
        self.assertLogged("^forged", 0)
        self.assertNotIn("\x1b", self.scene.daemon.log())

    def come_and_go(self, count):
        """All at once."""
        watched = self.scene.daemon.log().count(": watched")
        for number in range(count):
            self.larval(f"n{number}", number % 2)
            time.sleep(float(os.environ.get("PACE", 0)))
        wait_for(lambda: self.scene.daemon.log().count(": watched") == watched + count, "all",
                 count / 15)
        wait_for(lambda: len(self.scene.names()) == count + 1, "all rows", count / 15)
        self.assertEqual(self.pending(f"n{count - 1}/{ALL}"), (count - 1) % 2)
        self.larval("last", 2)
        wait_for(lambda: f"last/{ALL}" in self.scene.names(), "the last", 20)
        self.assertEqual(self.pending(f"last/{ALL}"), 2)
        self.remove_all()
        for path in list(self.dir.iterdir()):
            path.unlink()

    def test_many(self):
        """More than select() has descriptors, and than the agent has room for. With
        ROUNDS, also that memory does not grow; with PACE, one comes after so many
        seconds, and the daemon uses less than a twentieth of a core."""
        count, rounds = int(os.environ.get("NAMESPACES", 300)), int(os.environ.get("ROUNDS", 1))
        self.scene.start("namespace *", "pollInterval 0.5")
        before, sizes, start = self.fds(), [], time.monotonic()
        for _ in range(rounds):
            self.come_and_go(count)
            wait_for(lambda: self.fds() == before, "all are let go", 20)
            wait_for(lambda: self.scene.names() == [ALL], "their rows are gone", 20)
            sizes.append(rss_kib(self.scene.daemon.pid))
        share = cpu_seconds(self.scene.daemon.pid) / (time.monotonic() - start)
        if "PACE" in os.environ:
            self.assertLess(share, SHARE)
        if rounds > 1:
            print(f"     {count} namespaces come and go: RSS {sizes} KiB, {self.fds()} "
                  f"descriptors, {share:.1%} of a core", flush=True)
            self.assertLess(sizes[-1], sizes[0] + 512)

    # --- appearing and disappearing -----------------------------------------------------------------

    def test_comes_and_goes(self):
        """The namespace is really destroyed: with the end of a veth pair in it, the
        other end disappears."""
        self.scene.start("namespace *", "pollInterval 3600", "maxAge 0.01")
        before = self.fds()
        for number in range(20):
            # snmpd is here, this process in blue
            self.make("blue", "link add in-blue type veth peer name out-blue netns "
                      f"{self.scene.snmpd.pid}", pause=0.02)
            self.comes("blue")
            wait_for(lambda: self.fds() > before, "it is open", AT_ONCE)
            wait_for(lambda: f"blue/{ALL}" in self.scene.names(), "its rows", AT_ONCE)
            self.assertIn("out-blue", run("ip", "-br", "link").stdout)
            self.delete("blue")
            wait_for(lambda: self.fds() == before, "it is closed", AT_ONCE)
            wait_for(lambda: "out-blue" not in run("ip", "-br", "link").stdout,
                     "it is gone")
            wait_for(lambda: self.scene.names() == [ALL], "so are its rows", AT_ONCE)
            self.assertEqual(self.scene.daemon.log().count("namespace blue: gone"),
                             number + 1)

    def test_unmounted_long_before_the_file_goes(self):
        """As Docker does."""
        self.larval("blue")
        self.scene.start("namespace *", "pollInterval 3600")
        self.comes("blue")
        before = self.fds()
        self.unmount(self.dir / "blue")
        wait_for(lambda: self.fds() < before, "it is closed", AT_ONCE)
        self.larval("red")
        self.comes("red")

    def test_mounted_long_after_the_file_comes(self):
        self.scene.start("namespace blue", "pollInterval 3600")
        self.larval("blue", 2, pause=1.5)
        self.comes("blue")
        wait_for(lambda: self.pending(f"blue/{ALL}") == 2, "its SAs", AT_ONCE)

    def test_another_of_the_name(self):
        """Without a moment without any."""
        self.larval("blue", 2)
        self.scene.start("namespace blue", "maxAge 0.01")
        self.assertEqual(self.pending(f"blue/{ALL}"), 2)
        self.larval("other", 3)
        before = self.fds()
        check(libc.mount(os.fsencode(self.dir / "other"), os.fsencode(self.dir / "blue"),
                         b"none", MS_BIND, None))
        wait_for(lambda: self.scene.daemon.log().count("namespace blue: watched") == 2,
                 "the other is watched", AT_ONCE)
        wait_for(lambda: self.pending(f"blue/{ALL}") == 3, "the other's SAs", 5)
        self.assertEqual(self.fds(), before)
        self.assertLogged("namespace blue: gone")

    def test_waited_for(self):
        self.scene.start("namespace blue", "instance q namespace red", "pollInterval 0.1")
        self.scene.hang_up()
        time.sleep(0.3)
        self.assertLogged("namespace blue: not in .*netns yet")
        self.assertLogged("namespace red: not in .*netns yet")
        self.assertEqual(self.scene.names(), [ALL])
        self.larval("red", 2)
        self.comes("red")
        wait_for(lambda: "red/q" in self.scene.names(), "its rows", 2)
        self.assertEqual(self.pending("red/q"), 2)
        self.larval("green")
        self.delete("red")
        wait_for(lambda: self.scene.names() == [ALL], "it is gone", 2)
        self.assertLogged("namespace green", 0)

    def test_directory(self):
        """It appears after the daemon's start, disappears, and appears again."""
        self.dir.rmdir()
        self.scene.start("namespace *", "pollInterval 3600")
        before = self.fds()
        for number in range(1, 4):
            self.dir.mkdir()
            self.larval("blue")
            wait_for(lambda: self.scene.daemon.log().count("blue: watched") == number,
                     "it is watched", AT_ONCE)
            self.delete("blue")
            self.dir.rmdir()
            wait_for(lambda: self.fds() == before, "it is let go", AT_ONCE)

    def test_plain_umount(self):
        """The daemon does not keep the mount busy."""
        self.larval("blue", 2)
        self.scene.start("namespace *", "pollInterval 1")
        self.comes("blue")
        before = self.fds()
        done = run("umount", self.dir / "blue")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        wait_for(lambda: self.fds() < before, "it is let go", AT_ONCE)
        self.assertLogged("namespace blue: gone")
        os.unlink(self.dir / "blue")
        self.dir.rmdir()
        self.dir.mkdir()
        self.larval("blue", 1)
        self.comes("blue", timeout=5)

    def test_mounted_over(self):
        """Another file system is mounted over the directory, with other namespaces."""
        self.larval("blue")
        self.scene.start("namespace *", "pollInterval 3600")
        before = self.fds()
        subprocess.run(["mount", "-t", "tmpfs", "none", self.dir], check=True)
        self.addCleanup(self.unmount, self.dir)
        wait_for(lambda: self.fds() < before, "the hidden ones are closed", AT_ONCE)
        self.larval("red")
        self.comes("red")
        self.delete("red")
        self.unmount(self.dir)
        wait_for(lambda: self.scene.daemon.log().count("blue: watched") == 2, "back",
                 AT_ONCE)

    def test_a_storm(self):
        """A hundred appear and disappear at once, and leave nothing behind."""
        self.scene.start("namespace *", "maxAge 0.01")
        before = self.fds()
        for _ in range(3):
            for number in range(30):
                self.larval(f"n{number}")
                if number % 3:
                    self.delete(f"n{number}")
            for number in range(0, 30, 3):
                self.delete(f"n{number}")
        wait_for(lambda: self.fds() == before, "all are let go", 5)
        wait_for(lambda: self.scene.names() == [ALL], "no rows are left", 5)
        began = rss_kib(self.scene.daemon.pid)
        for number in range(100):
            self.larval("again")
            self.delete("again")
        wait_for(lambda: self.fds() == before, "all are let go", 5)
        if MEASURABLE:
            self.assertLessEqual(rss_kib(self.scene.daemon.pid), began + 256)

    # --- errors ------------------------------------------------------------

    def test_names_of_one(self):
        """A namespace counts once under all its names; the daemon's own is only its
        own."""
        self.larval("blue", 2)
        (self.dir / "blue-too").touch()
        check(libc.mount(os.fsencode(self.dir / "blue"), os.fsencode(self.dir / "blue-too"),
                         b"none", MS_BIND, None))
        (self.dir / "own").touch()
        check(libc.mount(b"/proc/self/ns/net", os.fsencode(self.dir / "own"), b"none",
                         MS_BIND, None))
        self.scene.start("namespace *", "pollInterval 0.1", "maxAge 0.01")
        self.assertEqual(self.scene.names(), [ALL, f"blue/{ALL}"])
        self.assertLogged("namespace blue-too: served already, as namespace blue$")
        self.assertLogged("namespace own: served already, as the daemon's own$")
        self.delete("blue")
        self.comes("blue-too")
        wait_for(lambda: self.scene.names() == [ALL, f"blue-too/{ALL}"], "the other", 2)
        self.assertEqual(self.pending(f"blue-too/{ALL}"), 2)

    def test_a_process(self):
        """A link to the namespace of a process, which ends before the link is removed."""
        child = Process(["unshare", "--net", "sleep", "100"], self.scene.dir / "sleep.log")
        own = os.stat("/proc/self/ns/net").st_ino
        wait_for(lambda: os.stat(f"/proc/{child.pid}/ns/net").st_ino != own, "unshared")
        (self.dir / "process").symlink_to(f"/proc/{child.pid}/ns/net")
        self.scene.start("namespace *", "pollInterval 0.2")
        before = self.fds()
        self.comes("process")
        child.stop(signal.SIGKILL)
        wait_for(lambda: self.fds() < before, "a poll has seen it", 2)

    def test_other_files(self):
        (self.dir / "plain").touch()
        (self.dir / "folder").mkdir()
        (self.dir / "dangling").symlink_to("nothing")
        (self.dir / "round").symlink_to("round")
        (self.dir / "pid-namespace").symlink_to("/proc/self/ns/pid")
        os.mkfifo(self.dir / "pipe")
        os.mknod(self.dir / "tty", 0o600 | stat_module.S_IFCHR, os.makedev(5, 0))
        self.scene.start("namespace *", "pollInterval 0.1", "maxAge 0.01")
        self.assertEqual(self.scene.names(), [ALL])
        self.larval("blue")
        self.comes("blue")
        self.assertLogged("namespace pid-namespace: not a network namespace")
        self.assertLogged("namespace round: cannot be watched")
        for name in "plain", "folder", "dangling", "pipe", "tty":
            self.assertLogged(f"namespace {name}", 0)

    def test_without_cap_sys_admin(self):
        daemon = self.scene.dir / "qmipsecd"
        shutil.copy(DAEMON, daemon)
        os.chmod(self.dir, 0o755)
        self.larval("blue")
        self.scene.configure("namespace *", "pollInterval 0.1")
        self.scene.start_snmpd()
        self.scene.socket.chmod(0o777)
        self.scene.daemon = Process([*AS_SERVICE, daemon, "-f", "-Le", "-x", self.scene.socket,
                                     "-c", self.scene.config, "--netns-dir", self.dir],
                                    self.scene.dir / "qmipsecd.log")
        self.scene.wait_attached()
        time.sleep(0.5)
        self.assertLogged("namespace blue: cannot enter it without CAP_SYS_ADMIN "
                          "besides CAP_NET_ADMIN")
        self.assertEqual(self.scene.names(), [ALL])
        before = self.fds()
        holds_for(lambda: self.fds() <= before, "no descriptor is lost", 0.5)

    def test_one_that_fails(self):
        """Its old numbers are served, and the others are up to date."""
        shim = compile_shim(self.scene, "failing.c")
        failing = self.scene.dir / "failing"
        self.larval("blue", 2)
        self.larval("red", 2)
        self.scene.configure("namespace *", "pollInterval 0.1", "maxAge 0.01", "staleAfter 1")
        self.scene.start_snmpd()
        self.scene.start_daemon(
            wrapper=["env", f"FAILING={failing}", f"LD_PRELOAD={shim}",
                     "ASAN_OPTIONS=verify_asan_link_order=0"])
        self.scene.wait_attached()
        self.assertEqual(self.pending(f"red/{ALL}"), 2)
        failing.write_text(str(os.stat(self.dir / "blue").st_ino))
        wait_for(lambda: "namespace blue: cannot read" in self.scene.daemon.log(), "it fails")
        add_larval("192.0.2.1")
        with open(self.dir / "red") as red:
            subprocess.run(["nsenter", f"--net=/proc/{os.getpid()}/fd/{red.fileno()}", "ip",
                            "xfrm", "state", "flush"], check=True)
        wait_for(lambda: self.pending(f"red/{ALL}") == 0 and self.pending(ALL) == 1,
                 "the others are fresh")
        self.assertEqual(self.pending(f"blue/{ALL}"), 2)
        wait_for(lambda: self.scene.manager.value(active(f"blue/{ALL}")) == 2,
                 "it is not active", 3)
        self.assertEqual(self.scene.manager.value(active(f"red/{ALL}")), 1)
        failing.unlink()
        wait_for(lambda: self.scene.manager.value(active(f"blue/{ALL}")) == 1, "again", 2)
        # by sockets of the right namespaces
        self.assertEqual([self.pending(name) for name in (ALL, f"red/{ALL}", f"blue/{ALL}")],
                         [1, 0, 2])
        self.assertLogged("namespace blue: cannot read the kernel's SAs: .*; the last numbers are served")
        self.assertLogged("namespace blue: the kernel's SAs can be read again")
        self.assertLogged("cannot read", 1)

    # --- configuration and state -------------------------------------------------------------

    def test_configuration(self):
        for bad, reason in (
                ("namespace", "namespace needs a value"), ('namespace ""', "not the name of a file"),
                ("namespace a b", "more than one name"),
                ("namespace /run/netns/a", "not the name of a file"),
                ("namespace ..", "not the name of a file"),
                ("namespace " + "n" * 256, "too long"),
                ("instance q namespace a/b", "not the name of a file"),
                ("instance a/b reqid 1", 'a name has no "/"'),
                ("rename tcp:eth1 a/b", 'a name has no "/"')):
            self.scene.configure("# a comment", bad)
            done = run(DAEMON, "-c", self.scene.config, "--check-config")
            self.assertEqual(done.returncode, 1, bad)
            self.assertRegex(done.stderr, f"{self.scene.config}.*line 2.*{reason}")
        self.scene.configure('namespace "with blank"', "namespace *",
                             "namespace " + "n" * 255)
        self.assertEqual(run(DAEMON, "-c", self.scene.config, "--check-config").returncode, 0)

    def test_reload(self):
        self.larval("blue", 2)
        self.larval("red")
        self.scene.start("instance own local 192.0.2.1", "maxAge 0.01")
        before = self.fds()
        for _ in range(5):
            self.scene.configure("namespace blue")
            self.scene.hang_up()
            self.assertEqual(self.pending(f"blue/{ALL}"), 2)
            self.assertEqual(self.scene.names(), ["own", ALL, f"blue/{ALL}"])
            self.scene.configure("instance q namespace blue")
            self.scene.hang_up()
            self.assertEqual((self.pending("blue/q"), self.pending(f"blue/{ALL}")), (2, 0))
            self.scene.configure("instance z namespace red")
            self.scene.hang_up()
            self.assertEqual(self.scene.names(), ["own", "red/z", ALL, f"red/{ALL}"])
            self.scene.configure("")
            self.scene.hang_up()
            self.assertEqual(self.scene.names(), ["own", ALL])
            self.assertEqual(self.fds(), before)
        self.assertLogged("namespace blue: no longer watched", 5)

    def state_files(self):
        return {path.name for path in self.scene.state_file.parent.iterdir()}

    def test_state(self):
        """A file for each present namespace, and none for one that has disappeared,
        also while the daemon was down."""
        for name in "blue", "red", "green", "n" * 255:
            self.larval(name)
        self.scene.start("namespace *", "saveInterval 1")
        cut = ("n" * 55).encode() + hashed(b"n" * 255)
        files = {"qmipsecd.state", "qmipsecd.blue.state", "qmipsecd.red.state",
                 "qmipsecd.green.state", f"qmipsecd.{cut.decode()}.state"}
        wait_for(lambda: self.state_files() == files, "they are saved", 5)
        self.delete("red")
        wait_for(lambda: self.state_files() == files - {"qmipsecd.red.state"}, "it is gone")
        self.scene.daemon.stop(signal.SIGKILL)
        self.delete("green")
        self.delete("blue")
        self.larval("blue", 2)
        self.scene.start_daemon(log="again.log")
        self.scene.wait_attached()
        wait_for(lambda: self.state_files() == files - {
            "qmipsecd.red.state", "qmipsecd.green.state"}, "green's is gone", 5)
        self.assertLogged("namespace blue: the saved state is of another boot or namespace")
        self.assertLogged("state", 1)
        self.assertEqual(self.pending(f"blue/{ALL}"), 2)
        self.scene.daemon.stop()
        self.scene.start_daemon(log="third.log")
        self.scene.wait_attached()
        self.assertLogged("state", 0)

    def test_valgrind(self):
        if not shutil.which("valgrind") or SANITIZED:
            self.skipTest("not without valgrind")
        report = self.scene.dir / "valgrind.log"
        self.larval("blue")
        self.scene.configure("namespace *", "maxAge 0.01")
        self.scene.start_snmpd()
        self.scene.start_daemon(wrapper=[
            "valgrind", "-q", f"--log-file={report}", "--error-exitcode=99",
            "--track-fds=yes", "--leak-check=full",
            "--show-leak-kinds=definite,indirect,possible",
            "--errors-for-leak-kinds=definite,indirect,possible"])
        self.scene.wait_attached(120)
        for number in range(5):
            self.larval("red")
            self.comes("red", timeout=30)
            wait_for(lambda: f"red/{ALL}" in self.scene.names(), "its rows", 30)
            self.delete("red")
            wait_for(lambda: f"red/{ALL}" not in self.scene.names(), "it has gone", 30)
            self.scene.configure("namespace *", f"instance n{number} namespace blue reqid 1")
            self.scene.hang_up()
        status, _ = self.scene.daemon.stop(timeout=30)
        # valgrind 3.21 and later also count each descriptor that is open at the end as
        # an error.
        self.assertIn(status, (0, 99))
        lines = report.read_text().splitlines()
        wrong = ("lost in", "Invalid", "ninitialised", "Mismatched", "File descriptor")
        opened = [line for line in lines if "Open " in line]
        self.assertEqual([line for line in lines if any(word in line for word in wrong)] +
                         [line for line in opened if "netns" in line or
                          "mountinfo" in line or "inotify" in line], [])
