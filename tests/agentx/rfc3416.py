# SPDX-License-Identifier: GPL-2.0-or-later
"""What an agent must answer: RFC 3416, section 4.2, with RFC 3584 for SNMPv1, and where
snmpd differs from them, for its own objects as well as for a subagent's.

Each difference is a function or a branch with the words "snmpd:", and nothing else is
tolerated.
"""

import bisect
from collections import namedtuple

from snmp import (
    BAD_VALUE, COUNTER64, END_OF_MIB_VIEW, GET, GETBULK, GETNEXT, NO_ACCESS, NO_ERROR,
    NO_SUCH_INSTANCE, NO_SUCH_NAME, NO_SUCH_OBJECT, NOT_WRITABLE, NULL, SET, V1, WRONG_TYPE,
    Response, Varbind)

Request = namedtuple("Request", "version writes kind names value second third")

# snmpd: an answer to a GETBULK has at most so many repeated varbinds, in whole
# repetitions (snmp_agent.c, netsnmp_create_subtree_cache(), maxresponses). RFC 3416
# permits fewer varbinds. With more repeaters than that, there is no repetition.
MOST_REPEATED = 100


class Model:
    """binds: every cell, by name. objects: the names of all columns and scalars, without
    an index. root: of the view of the community."""

    def __init__(self, binds, objects, root):
        self.binds, self.objects, self.root = binds, frozenset(objects), root
        self.names = sorted(binds)
        self.names_v1 = [name for name in self.names if binds[name].type != COUNTER64]
        self.lengths = sorted({len(name) for name in self.objects})

    def get(self, name):
        found = self.binds.get(name)
        if found:
            return found
        known = any(name[:length] in self.objects for length in self.lengths)
        return Varbind(name, NO_SUCH_INSTANCE if known else NO_SUCH_OBJECT, None)

    def next(self, name, version=None):
        """SNMPv1 has no Counter64, so that a GETNEXT skips them (RFC 3584, 4.2.2.1)."""
        names = self.names_v1 if version == V1 else self.names
        at = bisect.bisect_right(names, name)
        if at == len(names):
            return Varbind(name, END_OF_MIB_VIEW, None)
        return self.binds[names[at]]

    def answer(self, request):
        """The response that is expected."""
        return {GET: self._get, GETNEXT: self._getnext, GETBULK: self._bulk,
                SET: self._set}[request.kind](request)

    def _get(self, request):
        return self._plain(request, [self.get(name) for name in request.names])

    def _getnext(self, request):
        return self._plain(request, [self.next(name, request.version)
                                     for name in request.names])

    def _plain(self, request, binds):
        if request.version != V1:
            return Response(NO_ERROR, 0, binds)
        # RFC 3584, 4.2.2.1: exceptions, and a Counter64 in the answer to a GET, are
        # noSuchName. snmpd: the index is that of the last such varbind, where RFC 1157
        # leaves open which of several (netsnmp_wrap_up_request()).
        bad = [at for at, bind in enumerate(binds, 1)
               if bind.type in (NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW, COUNTER64)]
        return self._error(request, NO_SUCH_NAME, bad[-1]) if bad else \
            Response(NO_ERROR, 0, binds)

    @staticmethod
    def _error(request, error, index):
        """The varbinds of an answer with an error are those of the request."""
        return Response(error, index, request_binds(request))

    def _bulk(self, request):
        names = request.names
        repetitions = max(request.third, 0)
        non_repeaters = min(max(request.second, 0), len(names))
        repeaters = names[non_repeaters:]
        binds = [self.next(name) for name in names[:non_repeaters]]
        if repeaters:
            repetitions = min(repetitions, MOST_REPEATED // len(repeaters))
        columns = [self._successors(name, wrong) for name, wrong in zip(repeaters, names)]
        for _ in range(repetitions if repeaters else 0):
            row = [next(column) for column in columns]
            binds += row
            # RFC 3416 permits to stop after a row of endOfMibView. snmpd: whatever the
            # last of several varbinds is (snmp_agent.c, _reorder_getbulk(): all_eoMib).
            if all(bind.type == END_OF_MIB_VIEW for bind in row[:-1] or row):
                break
        return Response(NO_ERROR, 0, binds)

    def _successors(self, name, wrong):
        """What follows a repeater, without end. snmpd: if nothing at all does, its
        endOfMibView has the name of another varbind: of the one that is as many before it
        as there are non-repeaters (snmp_agent.c, _reorder_getbulk(): k = i)."""
        bind = self.next(name)
        if bind.type == END_OF_MIB_VIEW:
            bind = bind._replace(name=wrong)
        while True:
            yield bind
            if bind.type != END_OF_MIB_VIEW:
                bind = self.next(bind.name)

    def _set(self, request):
        """Every object is read-only."""
        error, index = NOT_WRITABLE, 1
        # snmpd: a SET to NULL is refused first of all, since it has crashed some agents
        # (check_set_pdu_for_null_varbind()).
        if request.value[0] == NULL:
            return self._error(request, BAD_VALUE if request.version == V1 else WRONG_TYPE, 1)
        outside = [at for at, name in enumerate(request.names, 1)
                   if name[:len(self.root)] != self.root]
        if not request.writes:
            error = NO_ACCESS
        elif request.version == V1 and request.value[0] == COUNTER64:
            # SNMPv1 has no Counter64. snmpd: such a varbind is in no view (in_a_view()).
            error = NO_ACCESS
        elif outside:
            error, index = NO_ACCESS, outside[0]
        if request.version == V1:
            error = NO_SUCH_NAME  # RFC 3584, section 4.3
        return self._error(request, error, index)


def request_binds(request):
    """The varbinds that are sent."""
    kind, value = request.value
    return [Varbind(name, kind, value) for name in request.names]
