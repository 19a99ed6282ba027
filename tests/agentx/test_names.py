# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and texts from outside with any bytes: Net-SNMP's tools can request every row,
and no text has a side effect. And the limit of rows.
"""

import json
import re
import shutil

from harness import INSTANCE, SceneTest, index_of, stat, wait_for

INITIATOR = b"iqn.1993-08.org.debian:01:a"
# An interface record, and its text in the description.
RECORDS = [
    (b"eth1", "eth1"),
    (b"caf\xc3\xa9", "caf\u00e9"),
    (b"caf\xe9", r"caf\xe9"),
    (rb"caf\xe9", r"caf\x5cxe9"),
    (b"caf_", "caf_"),
    (b'say "so"', 'say "so"'),
    (b"back\\slash", "back\\slash"),
    (b"two words", "two words"),
    (b"a'b$c`d", "a'b$c`d"),
    (b"a.b.1", "a.b.1"),
    (b"a:1", "a:1"),
    (b"a_1", "a_1"),
    (b"blue/unattributed", "blue/unattributed"),
    (b"two\nlines", r"two\x0alines"),
    (b"\x1b[2Jclear", r"\x1b[2Jclear"),
    (b"right\xe2\x80\xaeleft", r"right\xe2\x80\xaeleft"),
    (b"c1\xc2\x9bx", r"c1\xc2\x9bx"),
    (b"\xef\xbb\xbfbom", r"\xef\xbb\xbfbom"),
    (b"\xed\xa0\x80", r"\xed\xa0\x80"),
    (b"\xc0\xaf", r"\xc0\xaf"),
    (b"\xf5\x80\x80\x80", r"\xf5\x80\x80\x80"),
    (b"l" * 64, "l" * 64),
    (b"default:" + INITIATOR, "default:" + INITIATOR.decode()),
]


class Sysfs:
    """iSCSI sessions over TCP as the kernel shows them."""

    def __init__(self, root):
        self.root = root

    def _write(self, path, data):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data + b"\n")

    def _device(self, kind, name, path):
        link = self.root / "class" / kind / name
        link.parent.mkdir(parents=True, exist_ok=True)
        device = f"devices/platform/{path}/{kind}/{name}"
        (self.root / device).mkdir(parents=True)
        link.symlink_to(f"../../{device}")
        return device

    def log_in(self, number, record, initiator=INITIATOR, remote=b"192.0.2.99"):
        host = self._device("iscsi_host", f"host{number}", f"host{number}")
        self._write(f"{host}/ipaddress", b"192.0.2.1")
        self._write(f"class/scsi_host/host{number}/proc_name", b"iscsi_tcp")
        session = self._device("iscsi_session", f"session{number}",
                               f"host{number}/session{number}")
        self._write(f"{session}/ifacename", record)
        self._write(f"{session}/initiatorname", initiator)
        self._write(f"{session}/state", b"LOGGED_IN")
        self._write(f"class/iscsi_connection/connection{number}:0/address", remote)

    def log_out(self, number):
        shutil.rmtree(self.root / f"class/iscsi_connection/connection{number}:0")
        (self.root / f"class/iscsi_session/session{number}").unlink()
        (self.root / f"class/iscsi_host/host{number}").unlink()
        shutil.rmtree(self.root / f"class/scsi_host/host{number}")
        shutil.rmtree(self.root / f"devices/platform/host{number}")


def described(text):
    return f'open-iscsi interface "{text}"'


class Names(SceneTest):
    def setUp(self):
        super().setUp()
        self.sysfs = Sysfs(self.scene.dir / "sysfs")

    def texts(self, column):
        """A column of text, by the names of the rows."""
        found = self.scene.manager.walk(INSTANCE + (column,))
        return {bytes(bind.name[len(INSTANCE) + 2:]).decode("ascii"): bind.value.decode()
                for bind in found}

    def test_hostile_records(self):
        scene = self.scene
        for number, (record, _) in enumerate(RECORDS):
            self.sysfs.log_in(number, record)
        self.sysfs.log_in(100, b"default")
        self.sysfs.log_in(101, b"default", b"iqn.b")
        scene.start('instance own local 192.0.2.3 descr "caf\u00e9 \u65e5\u672c"')
        rows = self.texts(3)
        own = {rows.pop("own"), rows.pop("unattributed")}
        self.assertEqual(own, {"caf\u00e9 \u65e5\u672c", "IPsec traffic that belongs to no HBA"})
        self.assertEqual(sorted(rows.values()), sorted(
            [described(text) for _, text in RECORDS] + [described("default")] * 2))
        for name in rows:
            self.assertRegex(name, r"^tcp:[ !#-.0-\[\]-~]+$")
        for name in ("tcp:eth1", "tcp:two words", "tcp:a'b$c`d", "tcp:default",
                     "tcp:default:iqn.b"):
            self.assertIn(name, rows)
        # the tools request each by its name, and show it
        for name, descr in rows.items():
            done = scene.tool("snmpget", f'QMIPSEC-MIB::qmIpsecInstanceDescr."{name}"',
                              f'QMIPSEC-MIB::qmIpsecInstanceLabel."{name}"',
                              options=["-Oqv"])
            self.assertEqual((done.returncode, done.stdout), (0, f"{descr}\n{name}\n"))
        table = scene.tool("snmptable", "QMIPSEC-MIB::qmIpsecInstanceTable",
                           options=["-Cw", "10000"]).stdout
        for descr in rows.values():
            self.assertIn(descr, table)
        self.assertNotIn("\x1b", table)
        # the same in JSON
        shown = json.loads(scene.once("--once", "--format", "json", "--netns-dir",
                                      scene.dir).stdout)
        self.assertEqual({row["name"]: row["descr"] for row in shown["instances"]
                          if row["name"].startswith("tcp:")}, rows)
        self.assertEqual([row["descr"] for row in shown["instances"]
                          if row["name"] == "own"], ["caf\u00e9 \u65e5\u672c"])
        # after a restart the daemon knows which are gone
        for number in range(len(RECORDS)):
            self.sysfs.log_out(number)
        scene.daemon.stop()
        scene.start_daemon(log="again.log")
        scene.wait_attached()
        again = self.texts(3)
        self.assertEqual({name: again[name] for name in rows}, rows)
        self.assertEqual(set(self.texts(15).values()), set(again))

    # --- the number of rows -------------------------------------------------------------------

    def test_the_longest_gone_rows_make_room(self):
        scene = self.scene
        rows = 16
        self.sysfs.log_in(0, b"stays")
        scene.start(f"maxRows {rows}", "maxAge 0.01", "pollInterval 0.1",
                    "instance own local 192.0.2.3")
        last = 0
        for number in range(1, 40):
            self.sysfs.log_in(number, b"r%d" % number)
            wait_for(lambda: f"tcp:r{number}" in scene.names(), f"row {number}")
            self.sysfs.log_out(number)
            wait_for(lambda: scene.manager.value(
                INSTANCE + (2,) + index_of(f"tcp:r{number}")) == 2, f"{number} is gone")
            last = number
        left = rows - 3
        self.assertEqual(set(scene.names()), {"unattributed", "own", "tcp:stays"} | {
            f"tcp:r{number}" for number in range(last - left + 1, last + 1)})
        self.assertLogged(f'all {rows} rows are taken: "tcp:r1" was dropped.*maxRows')
        self.assertEqual(scene.manager.value(stat("KeyAdditions", f"tcp:r{last}")), 0)
        # fewer after a reload, and a dropped row does not return after a restart
        scene.configure("maxRows 20", "instance own local 192.0.2.3")
        scene.hang_up()
        self.assertEqual(len(scene.names()), rows)
        scene.daemon.stop()
        scene.start_daemon(log="again.log")
        scene.wait_attached()
        self.assertEqual(len(scene.names()), rows)

    def test_a_row_too_many(self):
        scene = self.scene
        for number in range(16):
            self.sysfs.log_in(number, b"r%d" % number)
        scene.start("maxRows 16", "maxAge 0.01", "pollInterval 0.1")
        self.assertEqual(len(scene.names()), 16)
        self.assertLogged('no row for "tcp:r[0-9]+" and 0 more HBAs: all 16 .*maxRows')
        self.assertEqual(scene.manager.value(stat("ActiveSA", "unattributed")), 0)
        missing = ({f"tcp:r{number}" for number in range(16)} - set(scene.names())).pop()
        self.sysfs.log_out(int(re.sub(r"\D", "", scene.names()[0])))
        wait_for(lambda: missing in scene.names(), "it has its row")
        self.assertLogged("all HBAs have a row again")
        self.assertLogged("no row for")

    def test_more_configured_than_rows(self):
        self.scene.configure("maxRows 16", *(f"instance i{n} reqid {n}" for n in range(16)))
        done = self.scene.once("--check-config")
        self.assertEqual(done.returncode, 1)
        self.assertIn("17 rows are configured in the daemon's own namespace, but maxRows is 16",
                      done.stderr)
        self.scene.configure("maxRows 16", *(f"instance i{n} reqid {n}" for n in range(15)))
        self.assertEqual(self.scene.once("--check-config").returncode, 0)
