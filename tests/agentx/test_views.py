# SPDX-License-Identifier: GPL-2.0-or-later
"""--once beside a running daemon: the same numbers, from its state, which stays as it is;
its views; and their JSON against docs/schema.json."""

import datetime
import json
import os
import re
import shutil
import subprocess

import jsonschema

from harness import (
    DAEMON, FIELDS, HERE, STATS, SceneTest, active, add_larval, index_of, run, wait_for)

SCHEMA = json.loads((HERE.parent.parent / "docs/schema.json").read_text())
VIEWS = "instances", "peers", "sas"
CONFIG = ["instance z local 192.0.2.1", 'instance y local 192.0.2.2 descr "two"',
          'peer 192.0.2.0/24 "the office"', "saveInterval 1", "pollInterval 0.2"]


def strict(schema):
    """A schema that permits only what it names, so that it names everything."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: strict(part) for name, part in schema.items()}
    if "properties" in found:
        found["additionalProperties"] = False
        found["required"] = sorted(found["properties"])
    return found


def validate(report):
    jsonschema.validators.validator_for(SCHEMA).check_schema(SCHEMA)
    validator = jsonschema.validators.validator_for(SCHEMA)
    for schema in SCHEMA, strict(SCHEMA):
        validator(schema, format_checker=validator.FORMAT_CHECKER).validate(report)


class Views(SceneTest):
    def setUp(self):
        super().setUp()
        add_larval("192.0.2.1")
        add_larval("192.0.2.2", inbound=False)
        add_larval("2001:db8::1", proto="ah", mode="tunnel")
        self.scene.configure(*CONFIG)

    def report(self, view, *more):
        done = self.scene.once(f"--once={view}", "--format=json", *more)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def wait_saved(self):
        before = self.scene.state_file.stat().st_mtime_ns
        wait_for(lambda: self.scene.state_file.stat().st_mtime_ns > before, "it saves")

    def files(self):
        """Everything in the directory of states, with its contents and times."""
        state = self.scene.state_file.parent
        return {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
                for path in state.iterdir()}, state.stat().st_mtime_ns

    def test_schema(self):
        for view in VIEWS:
            for more in [], ["--fresh"], ["z"]:
                with self.subTest(view=view, more=more):
                    report = self.report(view, *more)
                    validate(report)
                    self.assertEqual(report["report"], view)
                    self.assertTrue(report[view])

    def test_schema_rejects(self):
        """A wrong report does not pass, so a passing one means something."""
        for view in VIEWS:
            report = self.report(view)
            for wrong in ({**report, "more": 1}, {**report, "restored": None},
                          {**report, "time": "yesterday"}, {**report, view: [{}]},
                          {name: report[name] for name in report if name != view}):
                with self.assertRaises(jsonschema.ValidationError):
                    validate(wrong)

    def test_views_are_tables_too(self):
        done = self.scene.once("--once=peers")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        rows = [re.split(r"  +", line) for line in done.stdout.splitlines()]
        self.assertEqual(rows[1][:3], ["instance", "peer", "label"])
        self.assertEqual([row[:4] for row in rows[2:]],
                         [["y", "192.0.2.0/24", "the office", "down"],
                          ["z", "192.0.2.0/24", "the office", "down"],
                          ["unattributed", "2001:db8::99", "down", "0"]])
        for option in "--sas", "--once=sas":
            done = self.scene.once(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            lines = done.stdout.splitlines()
            self.assertEqual(len(lines), 1 + 2 * 3)
            self.assertRegex(lines[3], r"^z +192\.0\.2\.0/24 +in +0x[0-9a-f]{8} +esp +transport "
                             "+larval +0 +0$")
            self.assertEqual(lines[4], "    row: a configured rule matches; direction: "
                             "which end is local")
            self.assertRegex(lines[5], "^unattributed +2001:db8::99 +in .* ah +tunnel ")

    def test_some_instances(self):
        for view in VIEWS:
            name = "name" if view == "instances" else "instance"
            found = self.report(view, "z", "unattributed")[view]
            self.assertEqual([row[name] for row in found], ["z", "unattributed"])
            done = self.scene.once(f"--once={view}", "x")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertEqual(done.stderr, 'there is no instance "x"; there are: y, z, '
                             "unattributed\n")

    def test_beside_the_daemon(self):
        """What snmpget shows."""
        self.scene.start()
        self.wait_saved()
        reports = [self.report(view) for view in VIEWS]
        self.assertTrue(all(report["restored"] for report in reports))
        for row in reports[0]["instances"]:
            stats = [self.scene.manager.value(STATS + (column + 1,) + index_of(row["name"]))
                     for column in range(len(FIELDS))]
            self.assertEqual([row["stats"][field] for field in FIELDS], stats)
            self.assertEqual(row["active"],
                             self.scene.manager.value(active(row["name"])) == 1)

    def test_the_state_stays_as_it_is(self):
        """Also what a daemon would remove, and also after it was killed."""
        self.scene.start()
        self.wait_saved()
        self.scene.daemon.kill()
        state = self.scene.state_file.parent
        for name in "qmipsecd.gone.state", "qmipsecd.state.new", "qmipsecd.gone.state.new":
            (state / name).write_text("precious")
        before = self.files()
        for view in VIEWS:
            self.report(view)
        with open(self.scene.dir / "watch.out", "w") as out:
            watch = subprocess.Popen(self.scene.once_argv("--watch=0.1"), stdout=out)
            wait_for(lambda: (self.scene.dir / "watch.out").read_text().count("\n\n") >= 2,
                     "two frames")
            watch.terminate()
            self.assertEqual(watch.wait(60), 0)
        self.assertEqual(self.files(), before)

    def test_looking_is_no_discontinuity(self):
        """The daemon runs, so nothing was missed: the times are the daemon's."""
        self.scene.start()
        self.wait_saved()
        began = datetime.datetime.now(datetime.timezone.utc)
        fresh = self.report("instances", "--fresh")
        restored = self.report("instances")
        self.assertFalse(fresh["restored"])
        for row in fresh["instances"]:
            self.assertGreaterEqual(datetime.datetime.fromisoformat(
                row["discontinuity"].replace("Z", "+00:00")),
                began - datetime.timedelta(milliseconds=2))
        for row in restored["instances"]:
            self.assertLess(datetime.datetime.fromisoformat(
                row["discontinuity"].replace("Z", "+00:00")), began)

    def test_without_rights(self):
        """A note, once, and the numbers of the kernel."""
        self.scene.start()
        self.wait_saved()
        state = self.scene.state_file.parent
        os.chmod(state, 0o700)
        shutil.copy(DAEMON, self.scene.dir)  # the build may be closed to others
        argv = self.scene.once_argv("--once=sas")
        done = run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                   "--inh-caps", "-all,+net_admin", "--ambient-caps", "-all,+net_admin",
                   "--bounding-set", "-all,+net_admin", self.scene.dir / DAEMON.name, *argv[1:])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, f"{state}/qmipsecd.state: Permission denied: only what "
                         "the kernel has now is shown; the daemon's counters need its rights "
                         "or root's\n")
        self.assertIn("larval", done.stdout)

    def test_damaged_state(self):
        self.scene.state_file.write_text("damaged")
        done = self.scene.once("--once")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr, f"{self.scene.state_file} is damaged, of another version "
                         "or not a regular file: only what the kernel has now is shown\n")
        self.assertEqual(self.scene.state_file.read_text(), "damaged")
