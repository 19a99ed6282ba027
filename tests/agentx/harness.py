# SPDX-License-Identifier: GPL-2.0-or-later
"""A private snmpd and qmipsecd, and helpers for tests with them.

Everything runs in network and process namespaces of its own, which `run` makes: a test
does not change the host's XFRM, and the kernel ends all processes of a test.
"""

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import valgrind
from snmp import Manager, NoAnswer, undotted

HERE = Path(__file__).resolve().parent
# Seconds within which the daemon must be back with a master. It tries every 2 s (Net-SNMP
# itself every 15). The rest is for a busy machine.
RE_ATTACH = 10.0 * valgrind.SLOWER
LOCAL = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"]  # the local addresses
PEER = {4: "192.0.2.99", 6: "2001:db8::99"}


# What the unit starts the daemon as: another user, with one capability, for good.
AS_SERVICE = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
              "--no-new-privs", "--inh-caps", "-all,+net_admin", "--ambient-caps",
              "-all,+net_admin", "--bounding-set", "-all,+net_admin"]


def find_build():
    """The build directory: $top_builddir, build/ in the source, or the source."""
    top = HERE.parent.parent
    if os.environ.get("top_builddir"):
        return Path(os.environ["top_builddir"]).resolve()
    return top / "build" if (top / "build/agent/qmipsecd").exists() else top


BUILD = find_build()
DAEMON = BUILD / "agent/qmipsecd"
SANITIZED = b"__asan_init" in DAEMON.read_bytes()
COVERAGE = b"GCOV_PREFIX" in DAEMON.read_bytes()  # tools/coverage
# Whether memory and processor time are the program's own.
MEASURABLE = not SANITIZED and not COVERAGE and not valgrind.DIRECTORY
MIB_DIR = BUILD / "mib"


def find_root():
    """The root of the MIB, which is chosen at build time, from the generated module."""
    for product in DAEMON, MIB_DIR / "QMIPSEC-MIB.txt":
        if not product.exists():
            raise FileNotFoundError(f"{product} is not built")
    out = subprocess.run(
        ["snmptranslate", "-M", str(MIB_DIR), "-m", "QMIPSEC-MIB", "-On",
         "QMIPSEC-MIB::qmIpsecMIB"], capture_output=True, text=True, check=True)
    return undotted(out.stdout.strip())


ROOT = find_root()
INSTANCE, STATS = ROOT + (1, 1, 1), ROOT + (1, 2, 1)
XFRM, AGENT = ROOT + (1, 3, 1), ROOT + (1, 4)
PEERS = ROOT + (1, 5, 1)
INSTANCE_COLUMNS, STATS_COLUMNS = range(2, 18), range(1, 19)
XFRM_COLUMNS, AGENT_COLUMNS = range(3, 6), range(1, 15)
PEER_COLUMNS = range(2, 18)
VERSION, POLL_INTERVAL, LAST_POLL = (AGENT + (n, 0) for n in (1, 3, 4))
TRACKED_SAS, EVENTS = AGENT + (6, 0), AGENT + (7, 0)
POLLS, DATA_AGE = AGENT + (13, 0), AGENT + (14, 0)
SYS_UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SYS_OR_ID = (1, 3, 6, 1, 2, 1, 1, 9, 1, 2)
FIELDS = """ActiveSA PendingKeyOperations KeyAdditions KeyDeletions ReKeys ActiveTunnels
    BadSPIPackets PacketsNotDecrypted PacketsNotAuthenticated PacketsWithReplayDetection
    ConfidentialBytesSent ConfidentialBytesReceived AuthenticatedBytesSent
    AuthenticatedBytesReceived TransportBytesSent TransportBytesReceived TunnelBytesSent
    TunnelBytesReceived""".split()


def index_of(name):
    return (len(name), *name.encode())


def stat(field, name):
    """The OID of a WMI field of an instance."""
    return STATS + (FIELDS.index(field) + 1,) + index_of(name)


def active(name):
    return INSTANCE + (2,) + index_of(name)


def peer(column, name, address):
    """The OID of a column of a peer of an instance."""
    return PEERS + (column,) + index_of(name) + index_of(address)


def discontinuity(name):
    return INSTANCE + (14,) + index_of(name)


# --- waiting ---------------------------------------------------------------------

def wait_for(condition, what, timeout=60.0):
    """Waits until the condition is true. Returns its result, and how long that took."""
    timeout *= valgrind.SLOWER
    start, over = time.monotonic(), False
    while True:
        result = condition()
        took = time.monotonic() - start
        if result:
            return result, took
        if over:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        over = is_late(took, timeout)  # and then tries once more
        time.sleep(0.01)


def slowness():
    """How many times as long as on a free processor things take now, since others use the
    processors of this machine: a limit in seconds for a daemon is multiplied by it."""
    start, used = time.monotonic(), time.process_time()
    while time.process_time() - used < 0.05:
        pass
    return max(1.0, (time.monotonic() - start) / 0.05)


def is_late(took, limit):
    """Whether it took longer than the limit, and not because the machine is busy."""
    return took > limit and took > limit * slowness()


def holds_for(condition, what, seconds):
    """Checks for so long that the condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not condition():
            raise AssertionError(f"not for {seconds:g} s: {what}")
        time.sleep(0.05)


# --- processes -------------------------------------------------------------------

class Process:
    """A child with its output in a file."""

    running = set()

    def __init__(self, argv, log, **kwargs):
        self.argv, self.log_path = valgrind.wrap(argv), Path(log)
        with open(log, "ab") as stream:
            self.popen = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL,
                                          stdout=stream, stderr=stream, **kwargs)
        self.pid = self.popen.pid
        Process.running.add(self)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def alive(self):
        return self.popen.poll() is None

    def send(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=60.0):
        """Returns the exit status and the time that it took. Kills it after the
        timeout."""
        start = time.monotonic()
        timeout *= valgrind.SLOWER
        try:
            status = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.argv[0]} did not end within {timeout:g} s: "
                                 + self.log()) from None
        Process.running.discard(self)
        return status, time.monotonic() - start

    def stop(self, number=signal.SIGTERM, timeout=60.0):
        self.send(number)
        return self.wait(timeout)

    def kill(self):
        self.popen.kill()
        self.popen.wait()
        Process.running.discard(self)

    @classmethod
    def kill_all(cls):
        for process in list(cls.running):
            # tests of other users have a copy of it
            is_daemon = any(os.path.basename(arg) == DAEMON.name for arg in process.argv)
            if COVERAGE and is_daemon or "valgrind" in process.argv:
                process.terminate()
            process.kill()

    def terminate(self):
        """Lets it write what it has counted, which a signal that kills does not."""
        for number in signal.SIGTERM, signal.SIGCONT:
            self.send(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(5 * valgrind.SLOWER)


def rest(pid):
    """How often the process has waited, if it waits now and no thread of it works."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = dict(re.findall(r"^(State|Threads|voluntary_ctxt_switches):\s+(\S+)", status, re.M))
    return (found.get("State"), found.get("Threads")) == ("S", "1") and \
        found["voluntary_ctxt_switches"]


def fds(pid):
    """The descriptors of a process at rest, since a poll and a save open others for a
    moment; or, if it does not rest, those of some moment."""
    end = time.monotonic() + 0.5
    while True:
        before, number = rest(pid), len(os.listdir(f"/proc/{pid}/fd"))
        if before and before == rest(pid) or time.monotonic() > end:
            return number
        time.sleep(0.001)


def rss_kib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)[1])


def wake_ups(pid):
    """How often it has waited for something until now."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[1])


def run(*argv, **kwargs):
    """Runs a command to its end, with its output as text."""
    return subprocess.run(valgrind.wrap(argv), capture_output=True, text=True,
                          errors="replace", timeout=120 * valgrind.SLOWER,
                          stdin=subprocess.DEVNULL, **kwargs)


# --- the kernel ------------------------------------------------------------------

def keep_larval_sas():
    """Else the kernel deletes those of this namespace after 30 s, in the middle of a
    test."""
    with contextlib.suppress(OSError):
        Path("/proc/sys/net/core/xfrm_acq_expires").write_text("3600")


def set_up_network():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for addr in LOCAL:
        subprocess.run(["ip", "addr", "add", addr, "dev", "lo"], check=True)
    # By default loopback is exempt from IPsec.
    Path("/proc/sys/net/ipv4/conf/lo/disable_policy").write_text("0")
    keep_larval_sas()


def flush_xfrm():
    subprocess.run(["ip", "xfrm", "state", "flush"], check=True)
    subprocess.run(["ip", "xfrm", "policy", "flush"], check=True)


def add_larval(local, inbound=True, proto="esp", mode="transport"):
    """A larval SA, as a keying daemon allocates it before it negotiates."""
    peer = PEER[6 if ":" in local else 4]
    src, dst = (peer, local) if inbound else (local, peer)
    subprocess.run(["ip", "xfrm", "state", "allocspi", "src", src, "dst", dst,
                    "proto", proto, "mode", mode], check=True,
                   stdout=subprocess.DEVNULL)


def count_sas():
    out = run("ip", "xfrm", "state", "count").stdout
    return int(re.search(r"SAD count (\d+)", out)[1])


def xfrm_stat():
    """The kernel's own error counters, by name."""
    lines = Path("/proc/thread-self/net/xfrm_stat").read_text().splitlines()
    return {name: int(value) for name, value in map(str.split, lines)}


def send_blocked(count):
    """Packets that a policy blocks, the only XFRM error that needs no key. Each counts
    as XfrmInPolBlock."""
    counter = "XfrmInPolBlock"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, \
         socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        receiver.bind((LOCAL[0], 0))
        # 17 is UDP: its name is in /etc/protocols, which a small system lacks.
        policy = ["dst", LOCAL[0], "proto", "17", "dport", str(receiver.getsockname()[1]),
                  "dir", "in"]
        subprocess.run(["ip", "xfrm", "policy", "add", *policy, "action", "block"],
                       check=True)
        before = xfrm_stat()[counter]
        for _ in range(count):
            sender.sendto(b"blocked", receiver.getsockname())
        wait_for(lambda: xfrm_stat()[counter] == before + count, "the kernel counts")
        subprocess.run(["ip", "xfrm", "policy", "delete", *policy], check=True)


# --- a scene ---------------------------------------------------------------------

SNMPD_CONF = """\
master agentx
agentXSocket {socket}
rocommunity public
rwcommunity private
view qmipsec included .{root}
rocommunity only default -V qmipsec
dontLogTCPWrappersConnects yes
"""


class StillManager(Manager):
    """Reads DATA_AGE as None: it is another one in each answer."""

    def _decode(self, data):
        number, response = super()._decode(data)
        return number, response._replace(varbinds=[
            bind._replace(value=None) if bind.name == DATA_AGE else bind
            for bind in response.varbinds])


class Scene:
    """A directory with everything that one snmpd and one qmipsecd need."""

    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="qmipsecd-"))
        self.dir.chmod(0o755)
        # An empty sysfs, without the machine's HBAs.
        for name in ("state", "persistent", "sysfs"):
            (self.dir / name).mkdir()
        self.socket = self.dir / "master"
        self.config = self.dir / "qmipsecd.conf"
        self.state_file = self.dir / "state/qmipsecd.state"
        self.snmpd_conf = self.dir / "snmpd.conf"
        self.snmpd_conf.write_text(SNMPD_CONF.format(
            socket=self.socket, root=".".join(map(str, ROOT))))
        self.port = free_port()
        self.manager = Manager(self.port, "public")
        self.only = StillManager(self.port, "only")
        self.snmpd = self.daemon = None
        self.configure("")

    def configure(self, *lines):
        limit = [] if MEASURABLE else ["maxRequestLoad 100"]  # each request takes longer
        self.config.write_text("\n".join([*lines, *limit]) + "\n")

    def start_snmpd(self):
        """Returns when it listens for managers and subagents."""
        self.snmpd = Process(
            ["snmpd", "-f", "-r", "-C", "-c", self.snmpd_conf, "-Le",
             f"udp:127.0.0.1:{self.port}"], self.dir / "snmpd.log",
            env={**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(self.dir / "persistent"),
                 "SNMPCONFPATH": str(self.dir / "persistent")})
        wait_for(lambda: self.answers(SYS_UPTIME), "snmpd answers")

    def arguments(self, *more):
        return ["-x", self.socket, "-c", self.config, "--sysfs-root", self.dir / "sysfs",
                "--state-dir", self.dir / "state", *more]

    def start_daemon(self, *more, wrapper=(), log="qmipsecd.log"):
        """Does not wait."""
        self.daemon = Process([*wrapper, DAEMON, "-f", "-Le", *self.arguments(*more)],
                              self.dir / log)
        return self.daemon

    def answers(self, name, timeout=1.0):
        manager = Manager(self.port, timeout=timeout)
        try:
            return manager.value(name) is not None
        except NoAnswer:
            return False
        finally:
            manager.close()

    def wait_attached(self, timeout=RE_ATTACH):
        """Waits until snmpd serves the daemon's objects. Returns how long that took."""
        return wait_for(lambda: self.answers(VERSION), "the daemon is attached", timeout)[1]

    def start(self, *config):
        if config:
            self.configure(*config)
        self.start_snmpd()
        self.start_daemon()
        self.wait_attached()

    def hang_up(self):
        """Makes the daemon read its configuration again."""
        said = "configuration"
        before = self.daemon.log().count(said)
        self.daemon.send(signal.SIGHUP)
        wait_for(lambda: self.daemon.log().count(said) > before, "it has read the file")

    def once(self, *more):
        """Runs the program to its end, with the files of this scene."""
        return run(*self.once_argv(*more))

    def once_argv(self, *more):
        paths = [] if "--check-config" in more else ["--sysfs-root", self.dir / "sysfs"]
        if paths and "--fresh" not in more:
            paths += ["--state-dir", self.dir / "state"]
        return [DAEMON, "-c", self.config, *paths, *more]

    def names(self):
        """The names of the rows, in the order of a walk."""
        return [bytes(varbind.name[len(INSTANCE) + 2:]).decode()
                for varbind in self.manager.walk(INSTANCE + (2,))]

    def tool(self, command, *names, options=(), community="public", version="2c"):
        """One of Net-SNMP's tools."""
        own = str(self.dir / "persistent")
        environment = {**os.environ, "MIBDIRS": str(MIB_DIR), "MIBS": "",
                       "SNMPCONFPATH": own, "SNMP_PERSISTENT_DIR": own}
        return run(command, "-v", version, "-c", community, "-m", "QMIPSEC-MIB", *options,
                   f"127.0.0.1:{self.port}", *names, env=environment)

    def close(self):
        Process.kill_all()
        self.manager.close()
        self.only.close()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def logs(self):
        """The last lines of all logs, for a test that failed."""
        texts = []
        for path in sorted(self.dir.glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()[-15:]
            texts += [f"--- {path.name}", *lines]
        return "\n".join(texts)


def compile_shim(scene, source):
    """Returns the library for LD_PRELOAD that was made of a C source here."""
    shim = scene.dir / (source.removesuffix(".c") + ".so")
    done = run(os.environ.get("CC", "cc"), "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", shim,
               HERE / source, "-ldl")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return shim


def write_xfrm_stat(file, text):
    """In one write of always the same size, since the daemon keeps the file open and may
    read it at any time. The last number has zeros in front."""
    start, number = text.removesuffix("\n").rsplit(" ", 1)
    with open(os.open(file, os.O_RDWR | os.O_CREAT, 0o644), "wb", 0) as stream:
        stream.write(f"{start} {number.zfill(500 - len(start))}\n".encode())


def fake_xfrm_stat(scene):
    """A file that the daemon reads in place of /proc/net/xfrm_stat, and what starts the
    daemon so."""
    file, shim = scene.dir / "xfrm_stat", compile_shim(scene, "statfile.c")
    return file, ["env", f"XFRM_STAT={file}", f"LD_PRELOAD={shim}",
                  "ASAN_OPTIONS=verify_asan_link_order=0"]


# The tests are alone in their network namespace. Ports that the kernel gives to clients
# begin at 32768: a manager that got its snmpd's port would answer itself.
PORTS = itertools.count(10000)


def free_port():
    return next(PORTS)


class SceneTest(unittest.TestCase):
    """Each test has its own scene. With shared_config, all tests of a class share one
    that is already running."""

    shared_config = None
    shared = None

    @classmethod
    def setUpClass(cls):
        if cls.shared_config is not None:
            flush_xfrm()
            cls.shared = Scene()
            try:
                cls.prepare(cls.shared)
                cls.shared.start(*cls.shared_config)
            except BaseException:
                print(cls.shared.logs())
                cls.shared.close()
                raise

    @classmethod
    def prepare(cls, scene):
        """Prepares a shared scene before its start."""

    @classmethod
    def tearDownClass(cls):
        if cls.shared:
            cls.shared.close()
            cls.shared = None

    def setUp(self):
        if self.shared:
            self.scene = self.shared
        else:
            flush_xfrm()
            self.scene = Scene()
            self.addCleanup(self.scene.close)

    def assertLogged(self, pattern, count=1):
        log = self.scene.daemon.log()
        found = [line for line in log.splitlines() if re.search(pattern, line)]
        self.assertEqual(len(found), count, f"lines with {pattern!r} in:\n{log}")

    def assertPrompt(self, took, limit):
        self.assertFalse(is_late(took, limit), f"it took {took:.1f} s, not {limit:g} s")

    def assertServes(self, *names):
        """Both processes run, and rows are served."""
        self.assertTrue(self.scene.snmpd.alive(), "snmpd has ended")
        self.assertTrue(self.scene.daemon.alive(), "the daemon has ended")
        self.assertEqual(set(names) - set(self.scene.names()), set())
