# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin check_qmipsec against a scene, and what stands between them."""

import json
import os
import re
import socket
import threading
import time

from harness import (
    BUILD, ROOT, SceneTest, fake_xfrm_stat, run, stat, wait_for, write_xfrm_stat)

PLUGIN = BUILD / "contrib/icinga/check_qmipsec"
OK, WARNING, CRITICAL, UNKNOWN = range(4)
LATE = 5  # more seconds than -t says are a fault, not a slow machine
SLOW = "answers too slowly"
WORDS = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]
USERS = """\
createUser full SHA-256 authsecret AES privsecret
rouser full authPriv
createUser half SHA-512 authsecret
rouser half authNoPriv
view holes included .{root}
view holes excluded .{root}.1.2.1.7
rocommunity holes default -V holes
"""
FULL = ["-U", "full", "-a", "SHA-256", "-A", "authsecret", "-x", "AES", "-X", "privsecret"]
PERFDATA = re.compile(r"(?:'([^']+)'|([^' =]+))=([-\d.e+]+)(\w*);([^;\s]*);([^;\s]*)(?:;([^;\s]*);?)?")


class PluginTest(SceneTest):
    """Two configured instances in one namespace, and the kernel's error counters in a file."""

    config = ["instance y local 192.0.2.2", "instance z local 192.0.2.1",
              "pollInterval 0.1", "maxAge 0.01"]

    def setUp(self):
        super().setUp()
        self.xfrm_stat, self.wrapper = fake_xfrm_stat(self.scene)
        self.count()
        with self.scene.snmpd_conf.open("a") as conf:
            conf.write(USERS.format(root=".".join(map(str, ROOT))))
        self.scene.configure(*self.config)
        self.prepare_plugin()
        self.scene.start_snmpd()
        self.start_daemon()
        self.states = self.scene.dir / "states"

    def prepare_plugin(self):
        """Prepares what must exist before the daemon starts."""

    def start_daemon(self, log="qmipsecd.log"):
        self.scene.start_daemon(wrapper=self.wrapper, log=log)
        self.scene.wait_attached()

    def count(self, bad_spi=7, not_decrypted=3):
        """Sets the kernel's counters."""
        write_xfrm_stat(self.xfrm_stat, f"XfrmInNoStates {bad_spi}\nXfrmInStateDirError 0\n"
                                        f"XfrmInStateProtoError {not_decrypted}\n")

    def count_bad_spis(self, number, name="z"):
        """Returns when the agent shows so many."""
        self.count(number)
        wait_for(lambda: self.scene.manager.value(stat("BadSPIPackets", name)) == number,
                 "the agent has read them")

    def run_plugin(self, *arguments, port=None, host="127.0.0.1"):
        return run(PLUGIN, "-H", host, "-p", port or self.scene.port, "--state-dir",
                   self.states, *arguments,
                   env={**os.environ, "SNMPCONFPATH": str(self.scene.dir / "persistent")})

    def assertInTime(self, text, *arguments, seconds=3, **kwargs):
        """UNKNOWN, and why, in the time that it has. If a busy machine takes too much of that,
        again."""
        for limit in seconds, *[2 * seconds] * 3:
            start = time.monotonic()
            done = self.run_plugin("-t", limit, *arguments, **kwargs)
            self.assertLess(time.monotonic() - start, limit + LATE)
            if SLOW in text or SLOW not in done.stdout:
                break
        self.assertSays(done, UNKNOWN, text)

    def assertStatus(self, status, text, *arguments, **kwargs):
        return self.assertSays(self.run_plugin(*arguments, **kwargs), status, text)

    def assertSays(self, done, status, text):
        """Returns the performance data: name -> (value, unit, warning, critical, minimum)."""
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, status, done.stdout)
        self.assertRegex(done.stdout, rf"\AQMIPSEC {WORDS[status]} - [^|\n]*{text}")
        said, _, data = done.stdout.rstrip("\n").partition(" | ")
        self.assertNotRegex(done.stdout.rstrip("\n"), r"\n|.\|.*\|", said)
        self.assertEqual(PERFDATA.sub("", data).strip(), "", "all of it is performance data")
        return {quoted or plain: (float(value), *others)
                for quoted, plain, value, *others in PERFDATA.findall(data)}

    def state_file(self):
        """Of the only check that has run."""
        return next(self.states.iterdir())

    def saved(self):
        return json.loads(self.state_file().read_text())

    def edit(self, change):
        """Changes what the last run has left."""
        state = self.saved()
        change(state)
        self.state_file().write_text(json.dumps(state))

    def let_time_pass(self):
        """Until an interval is long enough for a rate."""
        since = time.time()
        wait_for(lambda: time.time() > since + 1.2, "time passes")


class Relay(threading.Thread):
    """Between the plugin and snmpd: delays answers, and counts requests."""

    def __init__(self, port, delay=0.0):
        super().__init__(daemon=True)
        self.to, self.delay, self.requests = ("127.0.0.1", port), delay, 0
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
            while True:
                request, plugin = self.listener.recvfrom(65536)
                if not request:
                    return
                self.requests += 1
                agent.sendto(request, self.to)
                answer = agent.recv(65536)
                time.sleep(self.delay)
                self.listener.sendto(answer, plugin)

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", ("127.0.0.1", self.port))
        self.join()
        self.listener.close()
