# SPDX-License-Identifier: GPL-2.0-or-later
"""Notifications, as snmptrapd receives them. The lab has those of peers."""

import os
import re
import time

from harness import (
    MIB_DIR, Process, SceneTest, fake_xfrm_stat, free_port, holds_for, wait_for, write_xfrm_stat)
from test_names import Sysfs


class Receiver:
    """snmptrapd."""

    def __init__(self, scene):
        self.scene, self.port = scene, free_port()
        with open(scene.snmpd_conf, "a") as conf:
            conf.write(f"trap2sink 127.0.0.1:{self.port} public\n")
        (scene.dir / "snmptrapd.conf").write_text("disableAuthorization yes\n")
        own = str(scene.dir / "persistent")
        self.process = Process(
            ["snmptrapd", "-f", "-C", "-c", scene.dir / "snmptrapd.conf", "-Lo", "-n", "-t",
             "-M", MIB_DIR, "-m", "QMIPSEC-MIB", "-OQU", "-F", "TRAP %V; %v\n",
             f"udp:127.0.0.1:{self.port}"], scene.dir / "snmptrapd.log",
            env={**os.environ, "SNMPCONFPATH": own, "SNMP_PERSISTENT_DIR": own})
        wait_for(lambda: "NET-SNMP version" in self.process.log(), "snmptrapd is ready")

    def received(self):
        """A list of (notification, {object: value}), with names without the index."""
        found = []
        for line in self.process.log().splitlines():
            if not line.startswith("TRAP "):
                continue
            binds = [part.strip().split(" = ", 1)
                     for part in line.removeprefix("TRAP ").split("; ") if " = " in part]
            values = {re.sub(r"\..*", "", name.split("::")[-1]): value.strip('"')
                      for name, value in binds}
            kinds = [value.split("::")[-1] for _, value in binds if "::qmIpsec" in value]
            if kinds:  # and not a coldStart of snmpd
                found.append((kinds[0], values))
        return found

    def kinds(self, label=None):
        return [kind.removeprefix("qmIpsec") for kind, values in self.received()
                if label in (None, values["qmIpsecInstanceLabel"])]

    def wait(self, *kinds, label=None):
        wait_for(lambda: self.kinds(label) == list(kinds), f"{kinds}, not {self.kinds(label)}")


class Notifications(SceneTest):
    def setUp(self):
        super().setUp()
        self.sysfs = Sysfs(self.scene.dir / "sysfs")
        self.receiver = Receiver(self.scene)
        self.wrapper = ()

    def start(self, *config):
        self.scene.configure("pollInterval 0.1", "maxAge 0.01", *config)
        self.scene.start_snmpd()
        self.scene.start_daemon(wrapper=self.wrapper)
        self.scene.wait_attached()
        # What appears within two seconds is known.
        time.sleep(2.5)
        self.assertEqual([], self.receiver.kinds())

    def restart_snmpd(self, away=1.0):
        self.scene.snmpd.stop()
        time.sleep(away)
        self.scene.start_snmpd()
        self.scene.wait_attached()

    def test_off_by_default(self):
        self.start()
        self.sysfs.log_in(1, b"eth1")
        wait_for(lambda: "tcp:eth1" in self.scene.names(), "the row")
        holds_for(lambda: not self.receiver.kinds(), "none", 2)

    def test_instances_and_their_objects(self):
        self.start("notify instances", "notifyHoldDown 0")
        self.sysfs.log_in(1, b"eth1")
        self.receiver.wait("InstanceUp")
        self.sysfs.log_out(1)
        self.receiver.wait("InstanceUp", "InstanceDown")
        up, down = (values for _, values in self.receiver.received())
        for values, active, sessions in (up, "true", "1"), (down, "false", "0"):
            self.assertEqual(
                {name: value for name, value in values.items() if "qmIpsec" in name},
                {"qmIpsecInstanceLabel": "tcp:eth1", "qmIpsecInstanceActive": active,
                 "qmIpsecInstanceTransport": "tcp", "qmIpsecInstanceSessions": sessions,
                 "qmIpsecInstanceActiveSAs": "0"})

    def test_unprotected(self):
        self.start("notify unprotected", "notifyHoldDown 1")
        self.sysfs.log_in(1, b"eth1")
        self.receiver.wait("InstanceUnprotected")
        values = self.receiver.received()[0][1]
        self.assertEqual(values["qmIpsecInstanceSessions"], "1")
        self.assertEqual(values["qmIpsecInstanceActiveSAs"], "0")
        holds_for(lambda: len(self.receiver.kinds()) == 1, "only one", 2)

    def test_hold_down(self):
        self.start("notify all", "notifyHoldDown 3")
        for _ in range(4):
            self.sysfs.log_in(1, b"eth1")
            wait_for(lambda: "tcp:eth1" in self.scene.names(), "the row")
            self.sysfs.log_out(1)
            time.sleep(0.3)
        holds_for(lambda: not self.receiver.kinds(), "none", 4)

    def test_errors(self):
        file, self.wrapper = fake_xfrm_stat(self.scene)
        write_xfrm_stat(file, "XfrmInNoStates 7\nXfrmInStateProtoError 0\n")
        self.start("notify errors 10 3600")
        write_xfrm_stat(file, "XfrmInNoStates 16\nXfrmInStateProtoError 0\n")
        holds_for(lambda: not self.receiver.kinds(), "nine are not ten", 1)
        write_xfrm_stat(file, "XfrmInNoStates 17\nXfrmInStateProtoError 5\n")
        self.receiver.wait("ErrorsRising")
        values = self.receiver.received()[0][1]
        self.assertEqual(
            {name: value for name, value in values.items() if "qmIpsec" in name},
            {"qmIpsecInstanceLabel": "unattributed", "qmIpsecInstanceErrorScope": "instance",
             "qmIpsecNotifyBadSPIPackets": "10", "qmIpsecNotifyPacketsNotDecrypted": "5",
             "qmIpsecNotifyPacketsNotAuthenticated": "0",
             "qmIpsecNotifyReplayFailures": "0", "qmIpsecNotifyInterval": "3600"})
        # An SNMPv1 trap can have all of it.
        self.assertNotIn("Counter64", self.scene.snmpd.log())
        write_xfrm_stat(file, "XfrmInNoStates 1000\nXfrmInStateProtoError 5\n")
        holds_for(lambda: len(self.receiver.kinds()) == 1, "once", 1)

    def test_flapping_does_not_flood(self):
        self.start("notify instances", "notifyHoldDown 0")
        begin = time.monotonic()
        for _ in range(20):
            self.sysfs.log_in(1, b"eth1")
            wait_for(lambda: self.scene.names().count("tcp:eth1") == 1, "the row")
            self.sysfs.log_out(1)
            time.sleep(0.3)
        received = len(self.receiver.kinds())
        took = time.monotonic() - begin
        self.assertLessEqual(received, 2 * 3 * (1 + int(took // 10)))
        self.assertGreaterEqual(received, 6)
        # What was held back comes later, in its last state.
        wait_for(lambda: self.receiver.kinds()[-1] == "InstanceDown", "the latest state")

    def test_while_the_master_is_away(self):
        self.start("notify instances", "notifyHoldDown 0")
        self.sysfs.log_in(1, b"eth1")
        self.receiver.wait("InstanceUp")
        self.scene.snmpd.stop()
        self.sysfs.log_in(2, b"eth2")
        self.sysfs.log_out(1)
        time.sleep(1)
        self.scene.start_snmpd()
        self.receiver.wait("InstanceUp", "InstanceDown", label="tcp:eth1")
        self.receiver.wait("InstanceUp", label="tcp:eth2")
        self.restart_snmpd()
        holds_for(lambda: len(self.receiver.kinds()) == 3, "nothing is repeated", 1)

    def test_a_master_that_hangs(self):
        """What it has not answered is sent to the next one."""
        self.start("notify instances", "notifyHoldDown 0")
        self.scene.snmpd.send(19)  # SIGSTOP
        self.sysfs.log_in(1, b"eth1")
        time.sleep(1)
        self.sysfs.log_in(2, b"eth2")
        time.sleep(1)
        self.scene.snmpd.kill()
        self.scene.start_snmpd()
        self.receiver.wait("InstanceUp", label="tcp:eth1")
        self.receiver.wait("InstanceUp", label="tcp:eth2")

    def test_reload(self):
        self.start()
        self.scene.configure("pollInterval 0.1", "maxAge 0.01", "notify instances",
                             "notifyHoldDown 0")
        self.scene.hang_up()
        time.sleep(2.5)
        self.sysfs.log_in(1, b"eth1")
        self.receiver.wait("InstanceUp")
        self.scene.configure("pollInterval 0.1", "maxAge 0.01")
        self.scene.hang_up()
        self.sysfs.log_out(1)
        holds_for(lambda: len(self.receiver.kinds()) == 1, "none", 1)
