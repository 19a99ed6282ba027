# SPDX-License-Identifier: GPL-2.0-or-later
"""check_qmipsec, the plugin for Icinga and Nagios: what it says of a live agent."""

import time

from harness import add_larval, stat, wait_for, write_xfrm_stat
from plugin import CRITICAL, FULL, OK, UNKNOWN, WARNING, PluginTest, Relay
from test_names import Sysfs

HALF = ["-U", "half", "-a", "SHA-512", "-A", "authsecret"]
RATES = ["bad_spi", "not_decrypted", "not_authenticated", "replay"]
MANY = 10 ** 9  # of which the change per second is large, however slow the machine is


class Plugin(PluginTest):
    def test_everything(self):
        """The namespace has several instances: its counters are shown once."""
        data = self.assertStatus(OK, "3 instances and peers, no rate: first run")
        self.assertEqual(data["z active"], (1, "", "", "1:", "0"))
        self.assertEqual(data["own namespace bad_spi_total"][:2], (7, "c"))
        self.assertEqual(data["own namespace not_decrypted_total"][:2], (3, "c"))
        self.assertFalse({"z bad_spi_total", "own namespace bad_spi"} & set(data))
        self.assertEqual(data["data_age"][1:], ("s", "60", "300", "0"))
        self.let_time_pass()
        data = self.assertStatus(OK, "3 instances and peers ")
        self.assertEqual(data["own namespace bad_spi"], (0, "", "1", "10", "0"))
        for name in "y", "z", "unattributed":
            self.assertEqual(data[f"{name} replay"][0], 0)

    def test_one_instance(self):
        data = self.assertStatus(OK, "z: active: yes", "--instance", "z")
        self.assertEqual(sorted(data), sorted(
            ["active", "unprotected", "data_age", "failed_polls_total",
             *(f"{name}_total" for name in RATES)]))

    def test_few_requests(self):
        """One for the agent, one for an instance or a peer of it; a walk for all."""
        add_larval("192.0.2.1")
        self.assertStatus(CRITICAL, "active: no", "--peer", "192.0.2.99")
        for most, arguments in ((2, ["--instance", "z"]), (3, []), (1, ["-m", "data-age"]),
                                (2, ["--instance", "z", "--peer", "192.0.2.99"])):
            relay = Relay(self.scene.port)
            relay.start()
            self.run_plugin(*arguments, port=relay.port)
            relay.stop()
            self.assertLessEqual(relay.requests, most, arguments)

    def test_rate(self):
        self.assertStatus(OK, "no rate: first run", "--instance", "z", "-m", "bad-spi")
        before = self.saved()
        self.let_time_pass()
        self.count_bad_spis(7 + MANY)
        data = self.assertStatus(CRITICAL, r"bad SPIs/s", "--instance", "z", "-m", "bad-spi")
        after = self.saved()
        seconds = max(after["time"] - before["time"],
                      (after["uptime"] - before["uptime"]) / 100)
        self.assertAlmostEqual(data["bad_spi"][0], MANY / seconds,
                               delta=MANY / 10 ** 4)
        self.assertEqual(data["bad_spi_total"][0], 7 + MANY)
        self.let_time_pass()
        self.assertStatus(OK, "z .its namespace.: 0 bad SPIs/s", "--instance", "z", "-m",
                          "bad-spi")

    def test_rate_of_all(self):
        """The alarm names the namespace, once."""
        self.assertStatus(OK, "")
        self.let_time_pass()
        self.count_bad_spis(7 + MANY)
        self.assertStatus(CRITICAL, r"own namespace: \S+ bad SPIs/s ")

    def test_soon_again(self):
        """A run within a second has no rate, and does not shorten the next interval."""
        one = ["--instance", "z", "-m", "bad-spi"]
        self.assertStatus(OK, "first run", *one)
        self.count_bad_spis(7 + MANY)

        def runs_within_a_second():
            self.edit(lambda state: state.update(time=time.time(), uptime=None))
            before = self.saved()
            said = self.run_plugin(*one).stdout
            self.assertTrue("less than a second ago" not in said or self.saved() == before)
            return "less than a second ago" in said

        wait_for(runs_within_a_second, "a run within a second")
        self.edit(lambda state: state.update(time=time.time() + 3600, uptime=None))
        self.assertStatus(OK, "the clock was set back", *one)
        self.assertLess(self.saved()["time"], time.time() + 60)

    def test_levels_and_ranges(self):
        add_larval("192.0.2.1")
        wait_for(lambda: self.scene.manager.value(stat("PendingKeyOperations", "z")) == 1,
                 "an SA")
        one = ["--instance", "z", "-m", "pending,sas"]
        for status, text, warning, critical in (
                (OK, "z: 1 pending key operations, z: 0 SAs", "1,", "1,"),
                (WARNING, "z: 1 pending key operations", "0,", "5,"),
                (WARNING, "z: 1 pending key operations", "@1,", "@2:5,"),
                (CRITICAL, "z: 0 SAs", "0,2:", "~:,1:"),
                (CRITICAL, "pending key operations, z: 0 SAs", "~:0,1:", "0,")):
            with self.subTest(warning=warning, critical=critical):
                data = self.assertStatus(status, text, *one, "-w", warning, "-c", critical)
                self.assertEqual(data["pending"][0], 1)
                self.assertEqual(data["pending"][2:4],
                                 (warning.split(",")[0], critical.split(",")[0]))

    def test_version_3(self):
        for user in FULL, HALF, [*FULL, "-P", "3", "-L", "authPriv", "-N", ""]:
            self.assertStatus(OK, "active: yes", *user, "--instance", "z")
        for text, arguments in (
                ("Unknown user name", ["-U", "nobody", *FULL[2:]]),
                ("Authentication failure", [*FULL[:5], "anothersecret", *FULL[6:]]),
                ("not to this user.*passphrases", [*FULL[:-1], "anothersecret"]),
                ("authorizationError", FULL[:6]),
                ("not to this user.*context", [*FULL, "-N", "elsewhere"])):
            with self.subTest(text=text):
                self.assertInTime(text, *arguments, "--instance", "z")

    def test_no_such_instance(self):
        self.assertStatus(UNKNOWN, 'no instance "nil"; there are: [yz], ',
                          "--instance", "nil")

    def test_hole(self):
        """A column that the view excludes."""
        self.assertStatus(UNKNOWN, "no bad-spi", "-C", "holes", "--instance", "z")
        self.assertStatus(UNKNOWN, "no bad-spi", "-C", "holes")
        self.assertStatus(OK, "", "-C", "holes", "-m", "replay")

    def test_xfrm_stat(self):
        self.assertStatus(OK, "available: yes", "-m", "xfrm-stat")
        write_xfrm_stat(self.xfrm_stat, "XfrmInError 1\n")
        wait_for(lambda: self.run_plugin("-m", "xfrm-stat").returncode == WARNING,
                 "the agent has noticed")
        self.assertStatus(CRITICAL, "available: no", "-m", "xfrm-stat", "-c", "1:")

    def test_peers(self):
        add_larval("192.0.2.1")
        down = ["-m", "active", "--peer", "192.0.2.99"]
        wait_for(lambda: "192.0.2.99: active: no |" in self.run_plugin(*down).stdout,
                 "the agent shows the peer")
        self.assertStatus(CRITICAL, "192.0.2.99: active: no", *down)
        self.assertStatus(CRITICAL, "192.0.2.99: active: no", *down, "--instance", "z")
        self.assertStatus(WARNING, "192.0.2.99: active: no", *down, "-w", "1:", "-c", "~:")
        self.assertStatus(OK, "1 pending", "--peer", "192.0.2.99", "-m", "pending,replay")
        for missing in (["--peer", "192.0.2.98"],
                        ["--peer", "192.0.2.99", "--instance", "unattributed"]):
            self.assertStatus(CRITICAL, "active: no .no such peer; there are: 192.0.2.99|"
                              "active: no .there is no peer.", *missing)
        self.assertStatus(UNKNOWN, "no such peer", "--peer", "192.0.2.98", "-m", "sas")
        self.assertStatus(UNKNOWN, "not a metric of a peer", "--peer", "192.0.2.99", "-m",
                          "bad-spi")

    def test_peers_by_label(self):
        self.scene.configure(*self.config, 'peer 192.0.2.99 "storage east"')
        self.scene.hang_up()
        add_larval("192.0.2.1")
        wait_for(lambda: "192.0.2.99: active: no |" in self.run_plugin(
            "-m", "active", "--peer", "storage east").stdout, "the agent shows the peer")


class PluginSessions(PluginTest):
    config = ["pollInterval 0.1", "maxAge 0.01"]

    def prepare_plugin(self):
        self.sysfs = Sysfs(self.scene.dir / "sysfs")
        self.sysfs.log_in(1, b"two'= words")

    def test_session_without_an_sa(self):
        """And then the session and its HBA are gone."""
        wait_for(lambda: len(self.scene.names()) == 2, "the HBA is discovered")
        name = next(name for name in self.scene.names() if name.startswith("tcp:"))
        one = ["--instance", name]
        self.assertStatus(CRITICAL, "1 sessions without an SA", *one)
        data = self.assertStatus(CRITICAL, "1 sessions without an SA")
        self.assertEqual([key for key, value in data.items()
                          if key.endswith(" unprotected") and value[0] == 1],
                         [name.replace("'", "_").replace("=", "_") + " unprotected"])
        self.sysfs.log_out(1)
        wait_for(lambda: "active: no" in self.run_plugin(*one).stdout, "it has gone")
        self.assertStatus(CRITICAL, ": active: no", *one)
        self.assertStatus(OK, "0 sessions without an SA", *one, "-m", "unprotected")
