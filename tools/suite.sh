# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034 # for those who source this
#
# The Debian releases that the tests run on, and everything that differs between them.
# Sourced.
#
#	SUITE		code name of the release under test; trixie (Debian 13) if unset;
#			"host" means this machine's
#
# The variables that it sets:
#
#	suite_archives	parts of the archive beside the suite itself
#	suite_options	of a line in sources.list
#	suite_piuparts	options of piuparts, which writes its own sources.list
#	suite_hostfs	what stands before the path in an option of a hostfs mount
#	suite_uml	more options for User-mode Linux
#	suite_lintian	tags that its lintian has, and that one source for three
#			releases cannot avoid
#	suite_scenarios	of the lab that run when all releases are tested
#	suite_libraries	those of the packages in debian/control, for a machine without
#			a network

suite_of_host()
{
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "${VERSION_CODENAME:?/etc/os-release does not name it}")
}

suites=(bookworm trixie sid)
SUITE=${SUITE:-trixie}
[ "$SUITE" != host ] || SUITE=$(suite_of_host)

suite_archives=(updates security)
suite_options=
suite_piuparts=()
suite_hostfs=hostfs=
suite_uml=
suite_lintian=very-long-line-length-in-source-file # inputs of fuzzers; not in sid
suite_scenarios=(rekey matrix errors mobike hba)
suite_libraries=libmnl0

case $SUITE in
bookworm) # Linux 6.1, Net-SNMP 5.9.3, strongSwan 5.9, libreswan 4, gcc 12
	suite_hostfs= # the parser of hostfs takes the bare path only
	suite_libraries+=,libsnmp40
	# The Standards are those of sid. An init script could only start the daemon as
	# root; the unit confines it.
	suite_lintian+=,newer-standards-version
	suite_lintian+=,package-supports-alternative-init-but-no-init.d-script
	;;
trixie) # Linux 6.12, Net-SNMP 5.9.4, strongSwan 6.0, libreswan 5, gcc 14
	suite_libraries+=,libsnmp40t64
	suite_lintian+=,newer-standards-version # the Standards are those of sid
	;;
sid) # Linux 7.2, Net-SNMP 5.9.5, strongSwan 6.1, gcc 16
	suite_archives=()
	suite_options=check-valid-until=no # a mirror may be some days behind
	suite_piuparts=(--no-check-valid-until)
	suite_uml=seccomp=on # since Linux 6.16, much faster than ptrace(2)
	suite_libraries+=,libsnmp45
	suite_scenarios+=(life direction pcpu peers) # Linux 7.2 moves SAs by another message
	# debhelper of Debian 12 and 13 has no compatibility level 14, their uscan reads
	# version 4, and dpkg of Debian 12 wants the two fields.
	suite_lintian=package-uses-old-debhelper-compat-version
	suite_lintian+=,older-debian-watch-file-standard
	suite_lintian+=,redundant-priority-optional-field
	suite_lintian+=,redundant-rules-requires-root-no-field
	;;
*)
	echo "${0##*/}: no suite '$SUITE': choose one of ${suites[*]}" >&2
	exit 2
	;;
esac
