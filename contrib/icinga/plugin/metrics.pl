#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check_qmipsec: a monitoring plugin for hosts whose snmpd serves QMIPSEC-MIB. See --help,
# and docs/managers.md of qmipsecd. It is made of the parts in contrib/icinga/plugin of the source.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Fcntl       qw(O_RDONLY O_WRONLY O_CREAT O_EXCL O_NOFOLLOW O_NONBLOCK);
use File::Path  qw(make_path);
use IO::Select;
use IO::Socket::IP;
use JSON::PP;
use List::Util qw(max sum0 uniq);
use Monitoring::Plugin;
use Monitoring::Plugin::Range;
use Monitoring::Plugin::Threshold;
use POSIX qw(SIGALRM);
use SNMP;
use Time::HiRes qw(time);

my $VERSION = '@VERSION@';

# What can be checked: its kind; its columns in QMIPSEC-MIB (below ROOT.1), which are added
# up, for an instance, a peer and the agent; the default ranges; its text. Kinds: "truth" is
# true(1) or false(2), "level" the value, "rate" a counter, of which the change per second
# counts, "age" milliseconds, "bare" the first column if the second is 0. A "scoped" rate may
# be of a whole network namespace: see qmIpsecInstanceErrorScope.
my $TABLE = <<'END_OF_TABLE';
active            truth   1.1.2          5.1.3   -       -   1:  active: %s
sas               level   1.1.9          5.1.4   -       -   -   %s SAs
tunnels           level   1.1.11         5.1.5   -       -   -   %s tunnels
pending           level   1.1.10         5.1.6   -       -   -   %s pending key operations
sessions          level   1.1.8          -       -       -   -   %s sessions
unprotected       bare    1.1.8,1.1.9    -       -       -   0   %s sessions without an SA
bad-spi           scoped  2.1.7          -       -       1   10  %s bad SPIs/s
not-decrypted     scoped  2.1.8          -       -       1   10  %s packets/s not decrypted
not-authenticated rate    2.1.9          5.1.10  -       1   10  %s packets/s not authenticated
replay            rate    1.1.13         5.1.11  -       1   10  %s replay failures/s
rekeys            rate    2.1.5          5.1.9   -       -   -   %s rekeys/s
bytes-sent        rate    2.1.11,2.1.13  5.1.14  -       -   -   %s bytes/s sent
bytes-received    rate    2.1.12,2.1.14  5.1.15  -       -   -   %s bytes/s received
data-age          age     -              -       4.14.0  60  300 data %s s old
failed-polls      rate    -              -       4.10.0  0   -   %s failed polls/s
xfrm-stat         truth   -              -       4.12.0  1:  -   xfrm_stat available: %s
END_OF_TABLE
my @METRICS = map { metric_of($_) } split /\n/, $TABLE;
my %METRIC  = map { $_->{name} => $_ } @METRICS;
my %DEFAULT = (
    instance => 'active,unprotected,bad-spi,not-decrypted,not-authenticated,replay,'
        . 'data-age,failed-polls',
    peer => 'active,not-authenticated,replay,data-age,failed-polls',
);

# Columns that are read as well: of an instance or peer, whether it is active and
# when its counters were last interrupted.
my %ALSO = (
    instance => { active => '1.1.2', gap => '1.1.14', scope => '1.1.12', netns => '1.1.5' },
    peer     => { active => '5.1.3', gap => '5.1.17', label => '5.1.2' },
);
my $UPTIME   = '.1.3.6.1.2.1.1.3.0';
my $GET_SIZE = 40;                     # varbinds in a request, so that answers fit in a datagram

# Net-SNMP's own way to find an engine: an empty GET of SNMPv3, without a user.
my $DISCOVERY = '303e0201033011020407162534020300ffe30401040201030410300e0400020100020100'
    . '040004000400301404000400a00e0204071625340201000201003000';
my $SLACK     = 100;                   # hundredths of a second between two TimeStamps of one time
my $STATE_MAX = 4_000_000;             # bytes

my $plugin = Monitoring::Plugin->new(
    shortname => 'QMIPSEC',
    license   => 'License: GPL-2.0-or-later',
    version   => $VERSION,
    usage     => 'Usage: %s -H HOST [-C COMMUNITY | -U USER ...] [--instance NAME] '
        . '[--peer PEER] [-m LIST [-w RANGES] [-c RANGES]]',
    blurb => 'Checks the IPsec statistics of iSCSI HBAs that qmipsecd serves by SNMP.',
    extra => help_text(),
);

sub metric_of {
    my ($line) = @_;
    my @fields = map { $_ eq q{-} ? undef : $_ } split q{ }, $line, 8;
    my %metric;
    @metric{qw(name kind instance peer agent warning critical text)} = @fields;
    for my $columns ( grep { defined } @metric{qw(instance peer agent)} ) {
        $columns = [ split /,/, $columns ];
    }
    return \%metric;
}

sub help_text {
    my $text = "\nMetrics for -m, and their default ranges for WARNING and CRITICAL:\n";
    for my $metric (@METRICS) {
        $text .= sprintf "  %-18s %-8s %-8s %s\n", $metric->{name},
            map { $_ // '-' } @$metric{qw(warning critical)},
            join ', ', grep { $metric->{$_} } qw(instance peer agent);
    }
    return $text . <<"END_OF_HELP";

Rates are per second since the last run of the same check, which the state directory keeps
(--state-dir; else \$MP_STATE_PATH, else ~/.local/state/check_qmipsec). There is none, and no
alarm, at the first run, after a discontinuity, and if a counter decreased.
bad-spi and not-decrypted are of a whole network namespace that has several instances
(qmIpsecInstanceErrorScope), and are then checked once for each namespace.

Without --instance, every instance is checked. With --peer, the peer is checked, of every
instance that has it, or of the one of --instance. A peer that does not exist is not active.

-w and -c are lists with a range for each metric of -m. Where one is empty, the default
applies; "~:" means no limit.

Default metrics: $DEFAULT{instance}
With --peer:     $DEFAULT{peer}

Passphrases in arguments are visible to other users: --extra-opts reads them from a file.

  check_qmipsec -H san1 -C qmipsec
  check_qmipsec -H san1 -C qmipsec --instance tcp:default -m sas,tunnels -w 2:,1: -c 1:,~:
  check_qmipsec -H san1 -U qmipsec -a SHA-256 -A PASS -x AES -X PASS --peer 192.0.2.99
END_OF_HELP
}

sub unknown { my ($text) = @_; return $plugin->plugin_exit( UNKNOWN => $text ) }
