# SPDX-License-Identifier: GPL-2.0-or-later
"""Each qmipsecd of each test under valgrind, if $VALGRIND is the directory for its
reports.
"""

import os
import re
from pathlib import Path

DIRECTORY = os.environ.get("VALGRIND")
# Valgrind makes a program that much slower, on a busy machine: for timeouts.
SLOWER = 20 if DIRECTORY else 1
# Its call of __libc_freeres() reads what getaddrinfo_a() has not set.
OPTIONS = ["-q", "--vgdb=no", "--run-libc-freeres=no", "--leak-check=full",
           "--show-leak-kinds=definite,indirect",
           "--errors-for-leak-kinds=definite,indirect", "--num-callers=30",
           f"--log-file={DIRECTORY}/%p"]


def wrap(argv):
    """The command, with valgrind before the daemon if it runs it."""
    argv = [str(arg) for arg in argv]
    if not DIRECTORY or "valgrind" in argv:
        return argv
    at = next((at for at, arg in enumerate(argv)
               if os.path.basename(arg) == "qmipsecd" and os.access(arg, os.X_OK)), None)
    return argv if at is None else [*argv[:at], "valgrind", *OPTIONS, *argv[at:]]


def without_warnings(text):
    """Valgrind warns of an ioctl that it does not know. The next lines say what to do."""
    return re.sub(r"^==\d+== Warning: noted but unhandled ioctl.*\n(==\d+== {4}.*\n)*", "", text,
                  flags=re.M)


def reports():
    """What valgrind has reported since the last call."""
    texts = []
    for path in sorted(Path(DIRECTORY).iterdir()) if DIRECTORY else ():
        text = without_warnings(path.read_text(errors="replace"))
        texts += [text] if text else []
        if not Path(f"/proc/{path.name}").exists():
            path.unlink()
    return texts
