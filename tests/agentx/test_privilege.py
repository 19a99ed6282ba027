# SPDX-License-Identifier: GPL-2.0-or-later
"""Without CAP_NET_ADMIN nothing works, and that is what it says."""

import shutil

from harness import DAEMON, SceneTest, run

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
ROOT_WITHOUT = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]
ONLY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
        "--inh-caps", "-all,+net_admin", "--ambient-caps", "-all,+net_admin"]


class Privilege(SceneTest):
    def setUp(self):
        super().setUp()
        # Where others may run it: the build may be in a private directory.
        self.daemon = self.scene.dir / "qmipsecd"
        shutil.copy(DAEMON, self.daemon)

    def assertRefused(self, *options):
        for who in NOBODY, ROOT_WITHOUT:
            with self.subTest(who=who):
                done = run(*who, self.daemon, "-c", self.scene.config,
                           "-x", self.scene.socket, *options)
                self.assertEqual((done.returncode, done.stdout), (1, ""), done)
                told = [line for line in done.stderr.splitlines() if "CAP_NET_ADMIN" in line]
                self.assertEqual(len(told), 1, done.stderr)

    def test_foreground(self):
        self.assertRefused("-f", "-Le")

    def test_foreground_by_default_on_stderr(self):
        self.assertRefused("-f")

    def test_background(self):
        """Before it leaves the terminal, and no pid file is left."""
        pid_file = self.scene.dir / "pid"
        self.assertRefused("-p", pid_file)
        self.assertFalse(pid_file.exists())

    def test_background_with_a_log_file(self):
        self.assertRefused("-Lf", "/dev/null")

    def test_once(self):
        self.assertRefused("--once")
        self.assertRefused("--once", "--format=json")

    def test_nothing_else_needs_it(self):
        for option in "-h", "-v", "-H", "--check-config":
            done = run(*NOBODY, self.daemon, "-c", self.scene.config, option)
            self.assertEqual((done.returncode, done.stderr), (0, ""), option)

    def test_that_one_capability_is_enough(self):
        done = run(*ONLY, self.daemon, "-c", self.scene.config, "--once")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("unattributed", done.stdout)
