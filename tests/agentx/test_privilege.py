# SPDX-License-Identifier: GPL-2.0-or-later
"""Without CAP_NET_ADMIN or access to snmpd's socket the daemon cannot work, and says
so.
"""

import re
import shutil

from harness import AS_SERVICE, DAEMON, Process, SceneTest, holds_for, run, wait_for

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
ROOT_WITHOUT = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]


class Privilege(SceneTest):
    def setUp(self):
        super().setUp()
        # A path that other users can read: the build may be in a private directory.
        self.daemon = self.scene.dir / "qmipsecd"
        shutil.copy(DAEMON, self.daemon)

    def assertRefused(self, *options):
        for who in NOBODY, ROOT_WITHOUT:
            with self.subTest(who=who):
                done = run(*who, self.daemon, "-c", self.scene.config, *options)
                self.assertEqual((done.returncode, done.stdout), (1, ""), done)
                told = [line for line in done.stderr.splitlines() if "CAP_NET_ADMIN" in line]
                self.assertEqual(len(told), 1, done.stderr)

    def assertDaemonRefused(self, *options):
        self.assertRefused("-x", self.scene.socket, "--state-dir", self.scene.dir / "state",
                           *options)

    def test_foreground(self):
        self.assertDaemonRefused("-f", "-Le")

    def test_foreground_by_default_on_stderr(self):
        self.assertDaemonRefused("-f")

    def test_background(self):
        """Before it goes to the background, and without leaving a PID file."""
        pid_file = self.scene.dir / "pid"
        self.assertDaemonRefused("-p", pid_file)
        self.assertFalse(pid_file.exists())

    def test_background_with_a_log_file(self):
        self.assertDaemonRefused("-Lf", "/dev/null")

    def test_once(self):
        self.assertRefused("--once")
        self.assertRefused("--once", "--format=json")

    def test_nothing_else_needs_it(self):
        for options in ["-h"], ["-v"], ["-H"], ["--check-config", "-c", self.scene.config]:
            done = run(*NOBODY, self.daemon, *options)
            self.assertEqual((done.returncode, done.stderr), (0, ""), options)

    def test_that_one_capability_is_enough(self):
        done = run(*AS_SERVICE, self.daemon, "-c", self.scene.config, "--once", "--fresh")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("unattributed", done.stdout)


class Socket(SceneTest):
    """The daemon runs as nobody, in the group nogroup, and snmpd's socket belongs to
    root."""

    REFUSED = r'Permission denied.*"agentXPerms 0660 0755 nobody nogroup"'
    CLOSED = r"Permission denied.*directory is closed to group nogroup"

    def setUp(self):
        super().setUp()
        shutil.copy(DAEMON, self.scene.dir / "qmipsecd")
        shutil.chown(self.scene.dir / "state", 65534)

    def start_as_nobody(self, log="qmipsecd.log"):
        self.scene.daemon = Process(
            [*AS_SERVICE, self.scene.dir / "qmipsecd", "-f", "-Le", *self.scene.arguments()],
            self.scene.dir / log)

    def restart_snmpd(self, *lines):
        if self.scene.snmpd:
            self.scene.snmpd.stop()
        else:
            self.stock = self.scene.snmpd_conf.read_text()
        self.scene.snmpd_conf.write_text("\n".join([self.stock, *lines, ""]))
        self.scene.start_snmpd()

    def said(self, pattern):
        return wait_for(lambda: re.search(pattern, self.scene.daemon.log()), pattern)[0]

    def test_line_that_is_missing(self):
        """It is logged once, at the start. With the line that it names, snmpd accepts
        the daemon."""
        self.restart_snmpd()
        self.start_as_nobody()
        line = re.search('"(agentX.*)"', self.said(self.REFUSED)[0])[1]
        log = self.scene.daemon.log()
        holds_for(lambda: self.scene.daemon.log() == log, "silence", 4.5)
        self.restart_snmpd(line)
        self.scene.wait_attached()
        self.assertLogged(self.REFUSED)

    def test_line_that_goes(self):
        """It is logged once each time that it begins, also long after the start."""
        self.start_as_nobody()
        self.said("No such file or directory")
        self.restart_snmpd()
        self.said(self.REFUSED)
        self.restart_snmpd("agentXPerms 0660 0755 nobody nogroup")
        self.scene.wait_attached()
        self.restart_snmpd()
        wait_for(lambda: len(re.findall(self.REFUSED, self.scene.daemon.log())) == 2, "again")
        log = self.scene.daemon.log()
        holds_for(lambda: self.scene.daemon.log() == log, "silence", 2.5)

    def test_directory(self):
        """agentXPerms would not help, since the directory exists."""
        private = self.scene.dir / "private"
        private.mkdir(0o700)
        self.scene.socket = private / "master"
        conf = self.scene.snmpd_conf.read_text()
        self.scene.snmpd_conf.write_text(
            re.sub("agentXSocket .*", f"agentXSocket {self.scene.socket}", conf))
        self.restart_snmpd("agentXPerms 0660 0755 nobody nogroup")
        self.start_as_nobody()
        self.said(self.CLOSED)
        private.chmod(0o755)
        self.scene.wait_attached()
        self.assertLogged(self.CLOSED)
        self.assertLogged(self.REFUSED, 0)
