# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGHUP: a new configuration takes effect, an invalid one changes nothing."""

import re

from harness import (
    INSTANCE, PEERS, POLL_INTERVAL, SceneTest, active, add_larval, index_of, peer, stat,
    wait_for)


class Reload(SceneTest):
    def setUp(self):
        super().setUp()
        add_larval("192.0.2.1")
        self.scene.start("maxAge 0.01", "instance z local 192.0.2.1",
                         'instance tcp:default local 192.0.2.2 descr "before"')

    def value(self, name):
        return self.scene.manager.value(name)

    def reload(self, *lines):
        self.scene.configure(*lines)
        self.scene.hang_up()

    def test_new_instance(self):
        add_larval("192.0.2.3")
        wait_for(lambda: self.value(stat("PendingKeyOperations", "unattributed")) == 1,
                 "the new SA is seen")
        self.reload("maxAge 0.01", "instance z local 192.0.2.1", "instance aaa local 192.0.2.3",
                    'instance tcp:default local 192.0.2.2 descr "after"', "pollInterval 7")
        self.assertEqual(self.scene.names(), ["z", "aaa", "tcp:default", "unattributed"])
        self.assertEqual(self.value(active("aaa")), 1)
        self.assertEqual(self.value(INSTANCE + (3,) + index_of("tcp:default")), b"after")
        self.assertEqual(self.value(POLL_INTERVAL), 7000)
        # An SA of the last row gets a row that has a rule for it now.
        self.assertEqual(self.value(stat("PendingKeyOperations", "aaa")), 1)
        self.assertEqual(self.value(stat("PendingKeyOperations", "unattributed")), 0)
        self.assertLogged("configuration read again")

    def peers(self):
        return [bind.value.decode() for bind in self.scene.manager.walk(PEERS + (2,))]

    def test_peers(self):
        """A label; a prefix that takes over its peers; none at all, and again."""
        base = ["maxAge 0.01", "instance z local 192.0.2.1"]
        self.assertEqual(self.peers(), ["192.0.2.99"])
        self.reload(*base, 'peer 192.0.2.99 "the other end"')
        self.assertEqual(self.peers(), ["the other end"])
        self.reload(*base, "peer 192.0.2.0/24")
        self.assertEqual(self.peers(), ["192.0.2.0/24"])
        self.assertEqual(self.value(peer(6, "z", "192.0.2.0/24")), 1)
        self.reload(*base, "peers no")
        self.assertEqual(self.peers(), [])
        self.assertEqual(self.value(stat("PendingKeyOperations", "z")), 1)
        self.reload(*base)
        self.assertEqual(self.peers(), ["other"])
        add_larval("2001:db8::1")
        wait_for(lambda: self.peers() == ["other", "2001:db8::99"], "a new SA has a peer")
        self.assertEqual(self.value(peer(6, "z", "other")), 1)

    def test_instance_taken_out_and_put_back(self):
        rows = len(self.scene.manager.walk(INSTANCE))
        self.reload("maxAge 0.01", "instance tcp:default local 192.0.2.2")
        self.assertEqual(self.scene.names(), ["z", "tcp:default", "unattributed"])
        self.assertEqual(len(self.scene.manager.walk(INSTANCE)), rows)
        self.assertEqual(self.value(active("z")), 2)
        self.assertEqual(self.value(active("tcp:default")), 1)
        self.reload("maxAge 0.01", "instance z local 192.0.2.1")
        self.assertEqual(self.value(active("z")), 1)
        self.assertEqual(self.value(active("tcp:default")), 2)
        self.assertEqual(self.value(stat("PendingKeyOperations", "z")), 1)

    def test_addresses_and_devices_come_and_go(self):
        """Active is what exists now: an address, an interface."""
        self.reload("maxAge 0.01", "instance here local 192.0.2.0/24",
                    "instance away local 203.0.113.0/24", "instance lo device lo",
                    "instance none device none0")
        found = {name: self.value(active(name)) for name in self.scene.names()}
        self.assertEqual(found, {"lo": 1, "here": 1, "away": 2, "none": 2, "unattributed": 1,
                                 "z": 2, "tcp:default": 2})
        self.assertEqual(self.value(INSTANCE + (7,) + index_of("lo")), 1)

    def assertOldStands(self, *patterns):
        self.scene.hang_up()
        self.assertEqual(self.scene.names(), ["z", "tcp:default", "unattributed"])
        self.assertEqual(self.value(active("z")), 1)
        self.assertEqual(self.value(POLL_INTERVAL), 5000)
        self.assertEqual(self.value(stat("PendingKeyOperations", "z")), 1)
        for pattern in patterns:
            self.assertLogged(pattern)
        self.assertLogged("old .*stays")
        self.assertLogged("read again", 0)

    def test_bad_file(self):
        self.scene.configure("pollInterval 9", "# a comment", "pollInterval never",
                             "instance new local 192.0.2.3", "instance b local 192.0.2.300",
                             "nonsense 1")
        at = re.escape(str(self.scene.config))
        self.assertOldStands(f"{at}: line 3: .*never", f"{at}: line 5: .*192.0.2.300",
                             f"{at}: line 6: .*nonsense")

    def test_missing_file(self):
        self.scene.config.unlink()
        self.assertOldStands(f"{re.escape(str(self.scene.config))}.*No such file")

    def test_good_after_bad(self):
        self.scene.configure("nonsense 1")
        self.assertOldStands("nonsense")
        self.reload("instance b local 192.0.2.3")
        self.assertEqual(self.value(active("b")), 1)
        self.assertLogged("read again")
