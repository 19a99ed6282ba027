# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: options, --once, and the daemon in the background."""

import datetime
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import valgrind
from harness import (
    DAEMON, FIELDS, Process, SceneTest, add_larval, run, wait_for)


class Options(SceneTest):
    def test_help(self):
        for option in "-h", "--help":
            done = run(DAEMON, option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            for told in ("Usage: qmipsecd", "--once", "--check-config", "--state-dir",
                         "--sysfs-root", "--format", "-f ", "-x ", "-c ", "-L ", "-p ",
                         "-H ", "-v", "-h"):
                self.assertIn(told, done.stdout)

    def test_version(self):
        for option in "-v", "--version":
            done = run(DAEMON, option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, r"^qmipsecd \d+\.\d+")

    def test_directives(self):
        """--check-config knows each directive that -H lists."""
        done = run(DAEMON, "-H")
        self.assertEqual(done.returncode, 0, done.stderr)
        listed = {line.split()[0] for line in done.stdout.splitlines()
                  if line and not line[0].isspace()}
        self.assertLessEqual({"pollInterval", "maxAge", "staleAfter", "saveInterval",
                              "receiveBuffer", "instance", "agentXSocket"}, listed)
        for directive in listed:
            self.scene.configure(directive)
            self.assertIn(f"line 1: {directive} needs a value",
                          self.scene.once("--check-config").stderr)

    def test_bad_command_lines(self):
        for arguments in (["--nonsense"], ["-Z"], ["--format", "nonsense", "--once"],
                          ["--format=xml"], ["argument"], ["-c"], ["--state-dir"],
                          ["-Lq"], ["--check-config", "more"],
                          ["-f", "tcp:default"], ["--once=all"], ["--once="],
                          ["--watch=0"], ["--watch=1s"], ["--watch="], ["--watch=nan"],
                          ["--watch=3601"], ["--watch=-1"]):
            with self.subTest(arguments=arguments):
                done = run(DAEMON, *arguments)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn("qmipsecd", done.stderr)
                self.assertIn("--help", done.stderr)

    def test_options_that_would_be_ignored(self):
        """Each is an error that names the other option, before anything is done."""
        given = {"-x": "socket", "-p": "pid", "-c": "file", "--state-dir": "dir",
                 "--sysfs-root": "dir", "--netns-dir": "dir", "--format": "json"}
        wrong = {"--once": ["-x", "-p"],
                 "--watch": ["-x", "-p", "--format"],
                 "--check-config": ["-x", "-p", "--state-dir", "--sysfs-root",
                                    "--netns-dir", "--format", "--fresh"],
                 "-H": [*given, "--fresh"]}
        pairs = [(mode, option) for mode, options in wrong.items() for option in options]
        self.assertEqual(len(pairs), 20)
        for mode, option in pairs:
            value = [given[option]] if option in given else []
            for arguments in [mode, option, *value], [option, *value, mode]:
                with self.subTest(arguments=arguments):
                    done = run(DAEMON, *arguments)
                    self.assertEqual((done.returncode, done.stdout), (1, ""))
                    self.assertIn(f"{option} does not go with {mode}\n", done.stderr)
        for one, other in (("--once", "--check-config"), ("--once", "-H"),
                           ("--once", "--watch"), ("--watch", "--check-config"),
                           ("--check-config", "-H"), ("--once=peers", "--once=sas")):
            done = run(DAEMON, one, other)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(f"{other} does not go with {one}\n", done.stderr)

    def test_views_and_states_that_exclude_each_other(self):
        for arguments, said in (
                (["--sas", "--once=peers"], "--once=peers does not go with --once=sas\n"),
                (["--once", "--fresh", "--state-dir", "dir"],
                 "--state-dir does not go with --fresh\n")):
            done = run(DAEMON, *arguments)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(said, done.stderr)

    def test_without_once(self):
        """The daemon prints nothing, and needs its state."""
        for arguments, said in ((["--format", "json"], "--format goes with --once only\n"),
                                (["--format=table", "-f"], "--format goes with --once only\n"),
                                (["--fresh", "-f"],
                                 "--fresh goes with --once and --watch only\n")):
            done = run(DAEMON, *arguments, *self.scene.arguments())
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(said, done.stderr)

    def test_logging(self):
        """-L as for snmpd. The first two lines are those of a start without a master."""
        for option, to_file, to_stderr in ((["-Lf", "FILE"], True, False),
                                           (["-LfFILE"], True, False),
                                           (["-Le"], False, True), (["-Lo"], False, True),
                                           (["-Ln"], False, False), ([], False, True)):
            with self.subTest(option=option):
                path = self.scene.dir / "to-file"
                path.unlink(missing_ok=True)
                option = [part.replace("FILE", str(path)) for part in option]
                daemon = Process([DAEMON, "-f", *option, *self.scene.arguments()],
                                 self.scene.dir / f"{len(option)}{option}.log".replace("/", "-"))
                # Without a log, only its effects show that it runs: it blocks signals,
                # as valgrind does already before.
                wait_for(lambda: self.signals_are_blocked(daemon.pid), "it runs")
                if to_file or to_stderr:
                    log = path if to_file else daemon.log_path
                    wait_for(lambda: log.exists() and "waiting" in log.read_text(), "log")
                status, _ = daemon.stop()
                if option != ["-Ln"] or not valgrind.DIRECTORY:
                    self.assertEqual(status, 0)
                self.assertEqual(path.exists(), to_file)
                self.assertEqual(bool(daemon.log()), to_stderr, daemon.log())

    def test_unreachable_masters(self):
        """The log has the error of connect(2) or the resolver, and what to do."""
        same = 'snmpd.conf needs "master agentx" and the same agentXSocket'
        for number, (address, why) in enumerate({
                self.scene.socket: r"\(No such file or directory\); " + same,
                "tcp:127.0.0.1:1": r"\(Connection refused\); " + same,
                "tcp6:[::1]:1": r"\(Connection refused\); " + same,
                "tcp:nosuchhost.invalid:705": r"\((Temporary failure in name resolution|Name "
                r'or service not known)\); is "nosuchhost.invalid" the right host'}.items()):
            with self.subTest(address=address):
                daemon = self.scene.start_daemon("-x", address, log=f"{number}.log")
                wait_for(lambda: "waiting" in daemon.log(), "it says why")
                self.assertLogged(f"waiting for an AgentX master at {re.escape(str(address))} "
                                  + why)
                self.assertEqual(daemon.stop()[0], 0)

    @staticmethod
    def signals_are_blocked(pid):
        """It handles SIGTERM in its loop, so its start is complete."""
        status = Path(f"/proc/{pid}/status").read_text()
        blocked = int(re.search(r"^SigBlk:\s+(\w+)", status, re.M)[1], 16)
        return blocked >> (signal.SIGTERM - 1) & 1


class Once(SceneTest):
    def setUp(self):
        super().setUp()
        add_larval("192.0.2.1")
        self.scene.configure("instance z local 192.0.2.1", "instance " + "w" * 64 + " reqid 9")

    def test_table(self):
        done = self.scene.once("--once")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = [line.split() for line in done.stdout.splitlines() if line]
        pending = [line[1:] for line in lines if line[0] == "PendingKeyOperations"]
        # The long name is in a block of its own, so that rows fit the terminal.
        self.assertEqual(pending, [["1", "0", "negotiations"], ["0", "negotiations"]])
        self.assertEqual([line[0] for line in lines[1:19]], FIELDS)

    def test_json(self):
        for arguments in ["--once", "--format=json"], ["--format", "json", "--once", "-f"]:
            done = self.scene.once(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            rows = json.loads(done.stdout)["instances"]
            self.assertEqual([row["stats"]["PendingKeyOperations"] for row in rows], [1, 0, 0])

    def test_some_instances(self):
        for form in "table", "json":
            done = self.scene.once("--once", f"--format={form}", "unattributed", "z")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            names = ([row["name"] for row in json.loads(done.stdout)["instances"]]
                     if form == "json" else done.stdout.splitlines()[0].split())
            self.assertEqual(names, ["z", "unattributed"])

    def test_unknown_instance(self):
        """It lists those that there are."""
        done = self.scene.once("--once", "z", "tcp:x")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, 'there is no instance "tcp:x"; there are: '
                         f"z, unattributed, {'w' * 64}\n")

    def test_what_does_not_exist(self):
        """Each has a line in the log; the rows are printed nevertheless."""
        self.scene.configure("namespace nosuch", "instance z device nosuch")
        done = run(DAEMON, "--once", "-c", self.scene.config, "--sysfs-root",
                   self.scene.dir / "none", "--netns-dir", self.scene.dir,
                   "--state-dir", self.scene.dir / "none")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(" z ", done.stdout.splitlines()[0])
        self.assertEqual(sorted(done.stderr.splitlines()), sorted([
            f"--sysfs-root {self.scene.dir}/none: No such file or directory: "
            "no HBA is discovered",
            f"--state-dir {self.scene.dir}/none: No such file or directory: "
            "only what the kernel has now is shown",
            "instance z: there is no network interface nosuch yet; waiting for it",
            f"namespace nosuch: not in {self.scene.dir} yet; waiting for it"]))

    def test_times(self):
        """Of the poll and of each row's counters, in UTC."""
        began = datetime.datetime.now(datetime.timezone.utc)
        found = json.loads(self.scene.once("--once", "--format=json").stdout)
        for text in found["time"], *(row["discontinuity"] for row in found["instances"]):
            self.assertRegex(text, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            time = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
            self.assertLess(abs(time - began), datetime.timedelta(minutes=5))

    def test_debug_topics(self):
        """Each dump with its namespace, as "ls -l /proc/PID/ns/net" shows it."""
        done = self.scene.once("--once", "-Dnetlink")
        self.assertEqual(done.returncode, 0)
        here = os.stat("/proc/self/ns/net").st_ino
        for what in "SAD", "addresses":
            self.assertRegex(done.stderr, rf"netlink: net:\[{here}\]: dump of the {what}: "
                                          r"\d+ messages, \d+ us")

    def test_full_disk(self):
        for form in "table", "json":
            with open("/dev/full", "w") as full:
                done = subprocess.run(self.scene.once_argv("--once", f"--format={form}"),
                                      stdout=full,
                                      stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, "cannot write.*No space left")

    def test_leaves_nothing(self):
        """No state, no socket, no file."""
        before = sorted(self.scene.dir.rglob("*"))
        self.scene.once("--once")
        self.assertEqual(sorted(self.scene.dir.rglob("*")), before)

    def test_closed_output(self):
        done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh",
                               *self.scene.once_argv("--once")], stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)


class Background(SceneTest):
    def setUp(self):
        super().setUp()
        self.pid_file = self.scene.dir / "qmipsecd.pid"
        self.log = self.scene.dir / "background.log"

    def start(self):
        """As an init script does. The process is then a child of the test: see `run`."""
        done = run(DAEMON, "-Lf", self.log, "-p", self.pid_file, *self.scene.arguments())
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        wait_for(lambda: self.pid_file.exists() and self.pid_file.read_text().endswith("\n"),
                 "the pid file")
        self.addCleanup(self.kill)
        return int(self.pid_file.read_text())

    def kill(self):
        """If it still runs."""
        try:
            os.kill(int(self.pid_file.read_text()), signal.SIGKILL)
        except (OSError, ValueError):
            pass

    def test_background(self):
        self.scene.configure("instance z local 192.0.2.1")
        self.scene.start_snmpd()
        pid = self.start()
        self.scene.wait_attached()
        self.assertEqual(self.scene.names(), ["z", "unattributed"])
        if not valgrind.DIRECTORY:
            self.assertEqual(os.readlink(f"/proc/{pid}/exe"), str(DAEMON))
        self.assertNotEqual(os.getsid(pid), os.getsid(0))
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        for fd in range(3):
            self.assertEqual(os.readlink(f"/proc/{pid}/fd/{fd}"), "/dev/null")
        os.kill(pid, signal.SIGHUP)
        wait_for(lambda: "read again" in self.log.read_text(), "a reload")
        os.kill(pid, signal.SIGTERM)
        (_, status), _ = wait_for(lambda: self.reaped(pid), "its end", 2)
        self.assertEqual(status, 0)
        self.assertFalse(self.pid_file.exists())
        self.assertTrue(self.scene.state_file.exists())

    @staticmethod
    def reaped(pid):
        found = os.waitpid(pid, os.WNOHANG)
        return found if found[0] else None

    def test_bad_configuration(self):
        self.scene.configure("pollInterval x")
        done = run(DAEMON, "-Lf", self.log, "-p", self.pid_file, *self.scene.arguments())
        self.assertEqual(done.returncode, 1)
        self.assertFalse(self.pid_file.exists())
        self.assertIn("line 1", self.log.read_text())
        self.assertIn("line 1", done.stderr)
