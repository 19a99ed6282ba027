#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages agree with "qmipsecd --help" and "qmipsecd -H", in both directions,
and man(1) formats them without a warning.

Exit status: 0 pass, 1 fail, 77 skipped (fails instead if CI=true), 99 error.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

BUILD = Path(os.environ.get("top_builddir", "build"))
DAEMON = BUILD / "agent/qmipsecd"
PAGES = [BUILD / "man/qmipsecd.8", BUILD / "man/qmipsecd.conf.5"]
OPTION = r"(?<![\w-])(--[a-z-]+|-[A-Za-z])(?![\w-])"
failures = []


def fail(text):
    failures.append(text)


def agree(what, program, manual):
    """Two sets; the messages name what must be changed."""
    for name in sorted(program - manual):
        fail(f"{what} {name} is missing in the manual")
    for name in sorted(manual - program):
        fail(f"{what} {name} is in the manual alone")


def plain(roff):
    """A line without macros and font changes."""
    text = re.sub(r"\\f.", "", roff).replace(r"\-", "-").replace('"', " ")
    return re.sub(r"\s+", " ", re.sub(r"^\.[A-Z]+ ", "", text)).strip()


def entries(page, section):
    """The tagged paragraphs of a section: {tag: text}."""
    body = re.search(rf"^\.SH {section}\n(.*?)(?=^\.SH |\Z)", page.read_text(),
                     re.M | re.S)[1]
    found = {}
    # The last paragraphs of a section, after .P, belong to no tag.
    for entry in re.split(r"^\.TP\n", body, flags=re.M)[1:]:
        lines = re.split(r"^\.P\n", entry, flags=re.M)[0].splitlines()
        found[plain(lines[0])] = " ".join(map(plain, lines[1:]))
    return found


def output(*arguments):
    return subprocess.run([DAEMON, *arguments], capture_output=True, text=True,
                          check=True).stdout


def first_words(tags):
    return {tag.split()[0] for tag in tags}


def check_options():
    listed = [line for line in output("--help").splitlines() if line.startswith("  ")]
    # Two spaces separate a description from its option.
    told = {option for line in listed
            for option in re.findall(OPTION, re.split(r"(?<=\S)  ", line.strip())[0])
            if line.strip().startswith("-")}
    tags = entries(PAGES[0], "OPTIONS")
    agree("option", told, {option for tag in tags for option in re.findall(OPTION, tag)})
    synopsis = re.search(r"^\.SH SYNOPSIS\n(.*?)^\.SH", PAGES[0].read_text(), re.M | re.S)[1]
    agree("option in the synopsis,", told - {"--version", "--help"},
          set(re.findall(OPTION, synopsis.replace(r"\-", "-"))))


def check_topics():
    listed = dict(re.findall(r"^  (\w+) +(.*)$", output("--help").split("Topics of -D:")[1], re.M))
    tags = entries(PAGES[0], "OPTIONS")
    agree("topic", set(listed), {tag for tag in tags if not tag.startswith("-")})
    for name in listed.keys() & tags.keys():
        if listed[name] != tags[name]:
            fail(f"topic {name}: the manual says \"{tags[name]}\", --help \"{listed[name]}\"")


def directives():
    """The list of -H: {name: arguments}. Continuation lines are indented."""
    text = re.sub(r"\n\s+", " ", output("-H"))
    return dict(re.split(r"\s+", line, maxsplit=1) for line in text.strip().splitlines())


def check_directives():
    program, tags = directives(), entries(PAGES[1], "DIRECTIVES")
    manual = {tag.split()[0]: (tag, text) for tag, text in tags.items()}
    agree("directive", set(program), set(manual))
    for name in program.keys() & manual.keys():
        tag, text = manual[name]
        for value in re.findall(r"[\d.]+ to [\d.]+|default [\w/.]*\w", program[name]):
            # The manual may use other words, but not other numbers.
            if value not in text and value.removeprefix("default ") not in text:
                fail(f"directive {name}: the manual does not say \"{value}\"")
        argument = re.match(r"[A-Z]+\b", program[name])
        if argument and argument[0] not in tag.split():
            fail(f"directive {name} takes {argument[0]}; the manual says \"{tag}\"")


def check_instance():
    """Conditions and their arguments, as in "[local ADDR[/LEN]]"."""
    program = {" ".join(words) for words in
               re.findall(r"\[([a-z]+) ((?:[^\[\]]|\[[^\]]*\])+)\]", directives()["instance"])}
    tags = entries(PAGES[1], "INSTANCES")
    agree("instance's", {word.replace('"', "") for word in program}, set(tags))


def check_format():
    """With wide lines, since the paths of a test installation can be long."""
    for page in PAGES:
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "200"})
        if done.returncode or done.stderr:
            fail(f"man --warnings {page.name}: {done.stderr.strip()}")
        # A placeholder that configure did not replace.
        if re.search(r"@\w+@", page.read_text()):
            fail(f"{page.name} has a word in @ @")


def main():
    if not shutil.which("man"):
        print("skipped: no man (Debian: man-db)", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 77
    for product in DAEMON, *PAGES:
        if not product.exists():
            print(f"{product} is not built", file=sys.stderr)
            return 99
    for check in check_options, check_topics, check_directives, check_instance, check_format:
        check()
    print("\n".join(failures) or "the manual and the program agree")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
