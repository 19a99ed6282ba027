# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's snmpd.conf with the example file for snmpd: who may read what."""

import re

from harness import BUILD, ROOT, SYS_UPTIME, VERSION, NoAnswer, Scene, SceneTest, wait_for
from snmp import V1, V2C, Manager

# The access rules in Debian 12's /etc/snmp/snmpd.conf.
STOCK = """\
view   systemonly  included   .1.3.6.1.2.1.1
view   systemonly  included   .1.3.6.1.2.1.25.1
rocommunity  public default -V systemonly
rocommunity6 public default -V systemonly
rouser authPrivUser authpriv -V systemonly
"""
USERS = """\
createUser qmipsec SHA authsecret AES privsecret
createUser authPrivUser SHA authsecret AES privsecret
"""
EXAMPLE = BUILD / "examples/snmpd-qmipsecd.conf"
SYSTEM = (1, 3, 6, 1, 2, 1, 1)
EVERYTHING = (1, 3)


class Access(SceneTest):
    @classmethod
    def setUpClass(cls):
        cls.shared = Scene()
        try:
            cls.start(cls.shared)
        except BaseException:
            print(cls.shared.logs())
            cls.shared.close()
            raise

    @staticmethod
    def start(scene):
        example = EXAMPLE.read_text()
        # Another socket, and no user that may not exist here.
        example, n = re.subn("^agentXSocket .*$", f"agentXSocket {scene.socket}", example,
                             flags=re.M)
        assert n == 1, example
        example, n = re.subn("^agentXPerms .*$", "", example, flags=re.M)
        assert n == 1, example
        scene.snmpd_conf.write_text(STOCK + example + USERS)
        scene.start_snmpd()
        scene.start_daemon()
        manager = Manager(scene.port, "qmipsec")
        wait_for(lambda: manager.value(VERSION) is not None, "the daemon is attached")
        manager.close()

    def walk(self, community, version, timeout=20):
        """The names in a walk of everything; None without an answer."""
        manager = Manager(self.scene.port, community, version, timeout)
        try:
            return [varbind.name for varbind in manager.walk(EVERYTHING)]
        except NoAnswer:
            return None
        finally:
            manager.close()

    def assertUnder(self, names, *roots):
        """Only names below these roots, and some below each."""
        for name in names:
            self.assertTrue(any(name[:len(root)] == root for root in roots), name)
        for root in roots:
            self.assertTrue(any(name[:len(root)] == root for name in names), root)

    def test_version_2(self):
        self.assertUnder(self.walk("qmipsec", V2C), SYSTEM, ROOT)

    def test_not_version_1(self):
        """Not even the first row, since snmpd would walk all rows for one request."""
        self.assertIsNone(self.walk("qmipsec", V1, timeout=2))

    def test_the_stock_community(self):
        """It sees the same as before, with both versions."""
        for version in V1, V2C:
            names = self.walk("public", version)
            self.assertIn(SYS_UPTIME, names)
            self.assertFalse([name for name in names if name[:len(ROOT)] == ROOT])

    def ask(self, user, level, name):
        keys = ["-a", "SHA", "-A", "authsecret"]
        if level == "authPriv":
            keys += ["-x", "AES", "-X", "privsecret"]
        return self.scene.tool("snmpget", name, version="3", options=[
            "-u", user, "-l", level, *keys, "-t", "20", "-r", "0", "-On", "-Oq"])

    def test_version_3(self):
        ours = "QMIPSEC-MIB::qmIpsecAgentVersion.0"
        uptime = ".1.3.6.1.2.1.1.3.0"
        done = self.ask("qmipsec", "authPriv", ours)
        self.assertRegex(done.stdout, r'^\.[0-9.]+ "?\d+\.\d', done.stderr)
        self.assertIn(uptime, self.ask("qmipsec", "authPriv", uptime).stdout)
        self.assertNotEqual(self.ask("qmipsec", "authNoPriv", ours).returncode, 0)
        self.assertIn(uptime, self.ask("authPrivUser", "authPriv", uptime).stdout)
        self.assertIn("No Such Object", self.ask("authPrivUser", "authPriv", ours).stdout)

    def test_snmpd_understands_every_line(self):
        log = self.scene.snmpd.log()
        self.assertNotRegex(log, r"(?i)error|warning|unknown")
