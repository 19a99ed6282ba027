
# --- options --------------------------------------------------------------------------------

sub add_options {
    my @options = (
        [ 'hostname|H=s',   'Host with snmpd (name or address)' ],
        [ 'port|p=i',       'UDP port (default: 161)', 161 ],
        [ 'ipv6|6',         'Use IPv6 for a name' ],
        [ 'protocol|P=s',   'SNMP version: 2c or 3 (default: 3 with -U, else 2c)' ],
        [ 'community|C=s',  'Community of SNMPv2c (default: public)', 'public' ],
        [ 'secname|U=s',    'User of SNMPv3' ],
        [ 'seclevel|L=s',   'noAuthNoPriv, authNoPriv or authPriv (default: by -A and -X)' ],
        [ 'authproto|a=s',  'MD5, SHA, SHA-224, SHA-256, SHA-384 or SHA-512', 'SHA' ],
        [ 'authpasswd|A=s', 'Authentication passphrase' ],
        [ 'privproto|x=s',  'DES, AES, AES-192 or AES-256 (default: AES)', 'AES' ],
        [ 'privpasswd|X=s', 'Privacy passphrase' ],
        [ 'context|N=s',    'Context of SNMPv3',                    q{} ],
        [ 'retries|e=i',    'Retries of each request (default: 1)', 1 ],
        [ 'instance=s',     'Name of an instance (qmIpsecInstanceName)' ],
        [ 'peer=s',         'A peer: its address or its label' ],
        [ 'mode|m=s',       'Metrics, separated by commas: see below' ],
        [ 'warning|w=s',    'Ranges for WARNING, separated by commas' ],
        [ 'critical|c=s',   'Ranges for CRITICAL, separated by commas' ],
        [ 'root=s',         'Root of QMIPSEC-MIB (default: @MIB_ROOT_OID@)', '@MIB_ROOT_OID@' ],
        [ 'state-dir=s',    'Directory for the last values (see the documentation)' ],
    );
    for my $option (@options) {
        my ( $spec, $help,  $default ) = @$option;
        my ( $long, $short, $type )    = $spec =~ /^([\w-]+)(?:\|(\w))?(=.)?$/;
        my $head = ( $short ? "-$short, " : q{} ) . "--$long" . ( $type ? '=VALUE' : q{} );
        $plugin->add_arg(
            spec => $spec,
            help => "$head\n   $help",
            defined $default ? ( default => $default ) : () );
    }
    return;
}

# The metrics that -m names, each with its thresholds.
sub chosen_metrics {
    my ($opts) = @_;
    my $kind   = defined $opts->peer ? 'peer' : 'instance';
    my @names  = split /,/, $opts->mode // $DEFAULT{$kind};
    my @chosen;
    for my $name (@names) {
        my $metric = $METRIC{$name} or unknown("no metric \"$name\"; see --help for those of -m");
        unknown("\"$name\" is not a metric of a peer; see --help")
            if !$metric->{$kind} && !$metric->{agent};
        push @chosen, {%$metric};
    }
    for my $level (qw(warning critical)) {
        my $list = $opts->$level // next;
        defined $opts->mode or unknown("--$level needs --mode: it has a range for each metric");
        my @ranges = split /,/, $list, -1;
        @ranges == @names
            or unknown( "--$level has " . @ranges . ' ranges for ' . @names . ' metrics' );
        for my $i ( grep { $ranges[$_] ne q{} } 0 .. $#ranges ) {
            is_range( $ranges[$i] ) or unknown("--$level: \"$ranges[$i]\" is not a range");
            $chosen[$i]{$level} = $ranges[$i];
        }
    }
    return @chosen;
}

sub is_range {
    my ($text) = @_;
    local $SIG{__WARN__} = sub { };    # the library's, with a line number
    return defined Monitoring::Plugin::Range->parse_range_string($text);
}

sub version_of {
    my ($opts) = @_;
    return $opts->protocol // ( defined $opts->secname ? '3' : '2c' );
}

sub check_options {
    my ($opts)  = @_;
    my $version = version_of($opts);
    my $level   = $opts->seclevel // 'noAuthNoPriv';
    my @faults  = (
        defined $opts->hostname                    ? () : 'no host: -H HOST',
        $version =~ /^(?:2c|3)$/                   ? () : "--protocol is 2c or 3, not \"$version\"",
        $version eq '3' && !defined $opts->secname ? 'SNMPv3 needs a user: -U USER' : (),
        $level =~ /^(?:noAuthNoPriv|authNoPriv|authPriv)$/ ? () : "no security level: \"$level\"",
        $opts->authproto =~ /^(?:MD5|SHA(?:-(?:224|256|384|512))?)$/ ? ()
        : 'no authentication protocol: ' . $opts->authproto,
        $opts->privproto =~ /^(?:DES|AES(?:-(?:128|192|256)C?)?)$/ ? ()
        : 'no privacy protocol: ' . $opts->privproto,
        $opts->root =~ /^[.]?\d+(?:[.]\d+)+$/  ? () : '--root is not an OID: ' . $opts->root,
        $opts->timeout > 0                     ? () : '--timeout is at least a second',
        $opts->retries >= 0                    ? () : '--retries is at least 0',
        $opts->port > 0 && $opts->port < 65536 ? () : 'no UDP port: ' . $opts->port,
    );
    for my $name (qw(authpasswd privpasswd)) {
        push @faults, "--$name has less than 8 characters" if length( $opts->$name // 'x' x 8 ) < 8;
    }
    unknown( $faults[0] ) if @faults;
    return;
}
