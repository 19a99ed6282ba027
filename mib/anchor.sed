# SPDX-License-Identifier: GPL-2.0-or-later
#
# Turns a dotted OID, one on a line, into the value of the module's
# MODULE-IDENTITY:
#
#     1.3.6.1.4.1.64000.1.2
#     { iso org(3) dod(6) internet(1) private(4) enterprises(1) 64000 1 2 }
#
# Arcs with well-known names get them, so that no base module is needed to find
# them; the others stay numbers. A number costs one "implicit node definition"
# from smilint, a name none, so the default root gets names throughout.
s/\./ /g
s/^1 3 6 1 4 1 /iso org(3) dod(6) internet(1) private(4) enterprises(1) /
s/ 8072 9999 9999 / netSnmp(8072) netSnmpExperimental(9999) netSnmpPlaypen(9999) /
s/^1 /iso /
s/.*/{ & }/
