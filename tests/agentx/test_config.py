# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuration errors: file, line and reason, with --check-config and at the start."""

import os
import random
import re

from harness import DAEMON, SceneTest, run

# A line, and the reason for its rejection.
BAD_LINES = [
    ("pollInterval", r"pollInterval needs a value: SECONDS between polls"),
    ("pollInterval # 5", r"pollInterval needs a value"),
    ("namespace", r"namespace needs a value: NETNS: .*\* means all"),
    ("pollInterval never", r'pollInterval: "never" is not a number'),
    ("pollInterval 0", r"pollInterval: 0 is not from 0\.1 to 3600"),
    ("pollInterval 3601", r"pollInterval: 3601 is not from 0\.1 to 3600"),
    ("pollInterval -1", r'pollInterval: "-1" is not a number'),
    ("pollInterval 5s", r'pollInterval: "5s" is not a number'),
    ("pollInterval 1 2", r'pollInterval: "1 2" is not a number'),
    ("pollInterval nan", r'"nan" is not a number'),
    ("pollInterval 1e999", r"1e999"),
    ("maxAge 0.001", r"maxAge: 0\.001 is not from 0\.01 to 3600"),
    ("staleAfter 0.5", r"staleAfter: 0\.5 is not from 1 to 86400"),
    ("saveInterval 86401", r"saveInterval: 86401 is not from 1 to 86400"),
    ("receiveBuffer 1", r"receiveBuffer: 1 is not from 65536 to 1073741824"),
    ("instance", r"instance needs a value: NAME \[local ADDR"),
    ("instance a", r'"a" has no rule'),
    ("instance a local", r'"local" has no value'),
    ("instance a local 192.0.2.256", r'local: "192\.0\.2\.256" is not an address'),
    ("instance a local 192.0.2.1/33", r'local: "192\.0\.2\.1/33" is not an address'),
    ("instance a local 192.0.2.1/", r'local: "192\.0\.2\.1/" is not an address'),
    ("instance a local 2001:db8::1/129", r"2001:db8::1/129"),
    ("instance a remote nowhere", r'remote: "nowhere" is not an address'),
    ("instance a local 192.0.2.1 remote 2001:db8::1", r"of different address families"),
    ("instance a reqid -1", r'reqid: "-1" is not a number'),
    ("instance a reqid 4294967296", r'reqid: "4294967296" is not a number'),
    ("instance a ifid 1x", r'ifid: "1x" is not a number'),
    ("instance a mark 1/", r'mark: "1/" is not VALUE or VALUE/MASK'),
    ("instance a mark 1/2/3", r'mark: "1/2/3" is not VALUE or VALUE/MASK'),
    ("instance a device a/b", r'device: "a/b" is not the name of an interface'),
    ("instance a device ..", r'device: "\.\." is not the name of an interface'),
    ("instance a device " + "d" * 16, r"device"),
    ("instance array A local 192.0.2.1", r'"A" is none of .* double quotes: "array A"'),
    ("instance a reqid 1 descr replication traffic",
     r'"traffic" is none of .* double quotes: "replication traffic"'),
    ("instance a local fe80::1%eth0", r'without "%eth0"; use "device eth0"'),
    ("instance a colour blue", r'"colour" is none of local, remote, reqid'),
    ('instance a reqid 1 descr "open', r"closing quote is missing"),
    ('instance "" reqid 1', r"the instance's name is missing"),
    ("instance " + "n" * 65 + " reqid 1", r"too long \(at most 64 characters\)"),
    ("instance a\x01b reqid 1", r"only printable ASCII"),
    ("instance a\u00e9 reqid 1", r"only printable ASCII"),
    ('instance a"b reqid 1', r'only printable ASCII characters other than " and'),
    ('instance "a\\\\b" reqid 1', r'only printable ASCII characters other than " and'),
    ("instance a reqid 1 descr a\u0085b",
     r'descr: "a\\xc2\\x85b" is not UTF-8 without control characters'),
    ("instance a reqid 1 descr \u202eb", r'descr: "\\xe2\\x80\\xaeb" is not UTF-8'),
    ("discover \x1b[2J", r'discover: "\\x1b\[2J" is neither yes nor no'),
    ("maxRows 15", r"maxRows: 15 is not from 16 to 32767"),
    ("maxRows 32768", r"maxRows: 32768 is not from 16 to 32767"),
    ("maxPeers 15", r"maxPeers: 15 is not from 16 to 100000"),
    ("maxRequestLoad 0", r"maxRequestLoad: 0 is not from 1 to 100"),
    ("maxRequestLoad 101", r"maxRequestLoad: 101 is not from 1 to 100"),
    ("peerHoldDown 86401", r"peerHoldDown: 86401 is not from 0 to 86400"),
    ("notify nothing", r'notify: "nothing" is none of instances, peers'),
    ("notify errors 0", r"notify: 0 packets is not from 1 to 1000000000"),
    ("notify errors 1 1 1", r'notify: "1" is too much'),
    ("notifyHoldDown 3601", r"notifyHoldDown: 3601 is not from 0 to 3600"),
    ("peers perhaps", r'peers: "perhaps" is neither yes nor no'),
    ("peer", r"peer needs a value: ADDR\[/LEN\]"),
    ("peer nowhere x", r'peer: "nowhere" is not an address or ADDRESS/LENGTH'),
    ("peer 192.0.2.7", r"peer: the label of 192\.0\.2\.7 is missing"),
    ("peer 192.0.2.7 Zurich office", r'double quotes: "Zurich office"'),
    ('instance a reqid 1 descr "' + "d" * 256 + '"', r"too long \(at most 255 characters\)"),
    ("instance unattributed reqid 1", r'"unattributed" cannot have rules'),
    ("pollIntervall 5", r'unknown directive "pollIntervall"; did you mean pollInterval\?'),
    ("POLINTERVAL 5", r'unknown directive "POLINTERVAL"; did you mean pollInterval\?'),
    ("agentXSockets /x", r'unknown directive "agentXSockets"; did you mean agentXSocket\?'),
    ("colour blue", r'unknown directive "colour"; "qmipsecd -H" lists all'),
    ("[snmp] logTimestamp yes", r'unknown directive "\[snmp\]"'),
    ("\x1b[2J 5", r'unknown directive "\\x1b\[2J"'),
    ("pollInterval 5\0", "contains a byte 0"),
    ("includeFile /nonexistent", r"includeFile: /nonexistent: No such file or directory"),
    ("includeDir /nonexistent", r"includeDir: /nonexistent: No such file or directory"),
    ("agentXTimeout 256", r"agentXTimeout: 256 is not from 1 to 255"),
    ("agentXSocket tcp:127.0.0.1:99999", r'"99999" is not a port'),
    ("agentXSocket localhost:705", r"write tcp:HOST:PORT"),
    ("agentXPingInterval 0", r"agentXPingInterval: 0 is not from 1 to 3600"),
]
GOOD_LINES = [
    "", "# a comment", "   # another", "pollInterval 0.1", "PollInterval 3600",
    "maxRows 16", "maxRows 32767", "instance a reqid 1 descr \u00e9",
    'instance a reqid 1 descr "\u65e5\u672c"',
    "notify peers", "notify all", "Notify Errors 10 60", "notify errors", "notifyHoldDown 0",
    "maxRequestLoad 1", "maxRequestLoad 100", "maxPeers 16", "maxPeers 100000", "peerHoldDown 0", "peers NO", "peer 192.0.2.0/24",
    'peer 192.0.2.7 "Zurich office"', "peer 2001:db8::/32 six",
    "maxAge 0.01", "staleAfter 1", "saveInterval 86400", "receiveBuffer 65536",
    "instance a local 192.0.2.1", "INSTANCE a LOCAL 192.0.2.1 Descr x", "instance a local 192.0.2.0/24 remote 192.0.2.9",
    "instance b6 remote 2001:db8::/32", "instance c reqid 0x10 ifid 4294967295",
    "instance d mark 0x10/0xff", "instance e device lo", 'instance "with blank" reqid 3',
    "instance " + "n" * 64 + " reqid 1", 'instance unattributed descr "the rest"',
    'instance q reqid 1 descr "say \\"so\\""', "agentXSocket /run/nowhere",
    "agentXPingInterval 5", "agentXTimeout 255", "pollInterval 5\r",
]


class Check(SceneTest):
    def check(self):
        return self.scene.once("--check-config")

    def assertRefused(self, *patterns):
        done = self.check()
        self.assertEqual(done.returncode, 1, done)
        self.assertNotIn("valid", done.stdout)
        for pattern in patterns:
            self.assertRegex(done.stderr, pattern)
        return done

    def assertAccepted(self, text):
        self.scene.config.write_text(text)
        done = self.check()
        self.assertEqual((done.returncode, done.stderr), (0, ""), text)
        self.assertEqual(done.stdout, "the configuration is valid\n")

    def test_bad_lines(self):
        at = re.escape(str(self.scene.config))
        for line, reason in BAD_LINES:
            with self.subTest(line=line):
                self.scene.configure("# a comment", "pollInterval 5", line)
                self.assertRefused(f"(?m)^{at}: line 3: .*{reason}")

    def test_good_lines(self):
        for line in GOOD_LINES:
            with self.subTest(line=line):
                self.assertAccepted(line + "\n")
        self.assertAccepted("\n".join(GOOD_LINES))  # without a newline at the end
        self.assertAccepted("")

    def test_every_error_is_told(self):
        self.scene.configure(*(line for line, _ in BAD_LINES))
        stderr = self.assertRefused().stderr
        for number, (_, reason) in enumerate(BAD_LINES, 1):
            self.assertRegex(stderr, f": line {number}: .*{reason}")

    def test_error_in_a_last_line_without_newline(self):
        self.scene.config.write_text("pollInterval 5\npollInterval x")
        self.assertRefused("line 2: .*not a number")

    def test_missing_file(self):
        self.scene.config.unlink()
        self.assertRefused(f"{self.scene.config}: No such file or directory")

    def test_directory(self):
        self.scene.config.unlink()
        self.scene.config.mkdir()
        self.assertRefused(f"{self.scene.config}: Is a directory")

    def test_binary_garbage(self):
        noise = random.Random(11)
        for size in (1, 100, 5000, 70000):
            with self.subTest(size=size):
                self.scene.config.write_bytes(b"\xff" + noise.randbytes(size))
                self.assertRefused(re.escape(str(self.scene.config)))

    def test_endless_lines(self):
        for line in "x" * 100000, "instance " + "y" * 100000, "instance a " + "local " * 20000:
            with self.subTest(line=line[:16]):
                self.scene.configure(line)
                self.assertRefused("line 1: ")

    def test_included_files(self):
        """Relative paths begin at the including file's directory; the files *.conf of a
        directory are read in the order of their names."""
        parts = self.scene.dir / "parts"
        parts.mkdir()
        for name, text in (("b.conf", "instance second reqid 2\n"), (".c.conf", "colour\n"),
                           ("a.conf", "pollInterval x\nincludeFile more\n"),
                           ("more", "\npollInterval y\n"), ("c.conf~", "colour\n")):
            (parts / name).write_text(text)
        self.scene.configure("includeDir parts", "pollInterval z")
        lines = self.assertRefused().stderr.splitlines()
        self.assertEqual([line.split(": pollInterval")[0] for line in lines], [
            f"{parts}/a.conf: line 1", f"{parts}/more: line 2", f"{self.scene.config}: line 2"])
        (parts / "a.conf").unlink()
        self.scene.configure(f"includeFile {parts}/b.conf")
        self.assertIn("second", self.scene.once("--once").stdout)

    def test_file_that_includes_itself(self):
        """Twice, which would be more than 10,000 files."""
        self.scene.configure("includeFile qmipsecd.conf", "includeFile qmipsecd.conf")
        done = self.assertRefused("line 1: includeFile: more than 16 files include one another")
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_many_files(self):
        parts = self.scene.dir / "parts"
        parts.mkdir()
        for number in range(1001):
            (parts / f"{number:04}.conf").write_text(f"instance i{number} reqid 1\n")
        self.scene.configure("maxRows 2000", "includeDir parts")
        self.assertRefused("line 2: includeDir: .* more than 1000 files in all")
        (parts / "1000.conf").unlink()
        self.assertEqual(self.check().returncode, 0)

    def test_name_of_an_included_file(self):
        """It cannot forge a line of the log."""
        (self.scene.dir / "a\x1b[2J.conf").write_text("colour\n")
        self.scene.configure(f"includeDir {self.scene.dir}")
        self.scene.config.rename(self.scene.dir / "main")
        done = run(DAEMON, "--check-config", "-c", self.scene.dir / "main")
        self.assertEqual(done.stderr.split(": ")[0], f"{self.scene.dir}/a\\x1b[2J.conf")

    def test_without_file(self):
        """The default paths. A missing file is not an error."""
        done = run(DAEMON, "--check-config",
                   env={**os.environ, "SNMPCONFPATH": str(self.scene.dir / "none")})
        self.assertEqual(done.returncode, 0, done.stderr)


class Start(SceneTest):
    def test_bad_file_at_the_start(self):
        """The daemon does not start, so that the service fails visibly."""
        self.scene.configure("pollInterval x")
        status, _ = self.scene.start_daemon().wait()
        self.assertEqual(status, 1)
        self.assertLogged(re.escape(f"{self.scene.config}: line 1: "))

    def test_bad_file_and_once(self):
        self.scene.configure("pollInterval x")
        done = self.scene.once("--once")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(f"{self.scene.config}: line 1: ", done.stderr)

    def test_default_places(self):
        """qmipsecd.conf in $SNMPCONFPATH, and no other program's file."""
        directory = self.scene.dir / "etc"
        directory.mkdir()
        (directory / "qmipsecd.conf").write_text("instance found reqid 1\n")
        (directory / "snmpd.conf").write_text("nonsense\n")
        (directory / "snmp.conf").write_text("defVersion 2c\n")
        done = run(DAEMON, "--once", "--sysfs-root", self.scene.dir / "sysfs",
                   env={**os.environ, "SNMPCONFPATH": str(directory)})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("found", done.stdout)
        bad = directory / "qmipsecd.local.conf"
        bad.mkdir()
        done = run(DAEMON, "--check-config",
                   env={**os.environ, "SNMPCONFPATH": str(directory)})
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, f"{bad}: Is a directory\n")
