
# --- SNMP -----------------------------------------------------------------------------------

# open_session(OPTS, SECONDS, RETRIES): undef if there is no answer.
sub open_session {
    my ( $opts, $seconds, $retries ) = @_;
    my $host = $opts->hostname;
    my $peer =
          $host =~ /:/ ? "udp6:[$host]"
        : $opts->ipv6  ? "udp6:$host"
        :                "udp:$host";
    my %who =
        version_of($opts) eq '3'
        ? ( Version => 3, user_of($opts) )
        : ( Version => '2c', Community => $opts->community );

    # Numbers are enough, and the library would complain about MIBs that lack others.
    local $ENV{MIBS} = q{};
    return SNMP::Session->new(
        DestHost   => $peer . q{:} . $opts->port,
        Retries    => $retries,
        Timeout    => int( $seconds * 1e6 / ( $retries + 1 ) ),
        UseNumeric => 1,
        %who
    );
}

sub user_of {
    my ($opts) = @_;
    my $level = $opts->seclevel // (
          defined $opts->privpasswd ? 'authPriv'
        : defined $opts->authpasswd ? 'authNoPriv'
        :                             'noAuthNoPriv'
    );
    my %user = ( SecName => $opts->secname, SecLevel => $level, Context => $opts->context );
    if ( $level =~ /^auth/ ) {
        defined $opts->authpasswd or unknown("$level needs -A PASSPHRASE");
        @user{qw(AuthProto AuthPass)} = ( $opts->authproto, $opts->authpasswd );
    }
    if ( $level eq 'authPriv' ) {
        defined $opts->privpasswd or unknown('authPriv needs -X PASSPHRASE');
        @user{qw(PrivProto PrivPass)} = ( $opts->privproto, $opts->privpasswd );
    }
    return %user;
}

# Whether anything answers there, and why not. Any snmpd answers SNMPv3's discovery (RFC 3414,
# section 4), without knowing who asks.
sub answers_discovery {
    my ( $opts, $seconds ) = @_;
    my $where  = $opts->hostname . ', UDP port ' . $opts->port;
    my $socket = IO::Socket::IP->new(
        PeerHost => $opts->hostname,
        PeerPort => $opts->port,
        Proto    => 'udp',
    ) or return ( 0, "cannot reach $where: $@" );
    $socket->send( pack 'H*', $DISCOVERY );
    return ( 0,
        "no answer from $where: the host is down, a firewall drops packets, or snmpd hangs or is too slow"
    ) if !IO::Select->new($socket)->can_read($seconds);
    return ( 0, "nothing listens on $where: snmpd does not run, or listens elsewhere ($!)" )
        if !defined $socket->recv( my $answer, 65536 );
    return ( 1, "snmpd on $where answers" );
}

sub why_silent {
    my ($opts) = @_;
    my $seconds = $opts->timeout / 20;
    my ( $alive, $text ) = answers_discovery( $opts, $seconds );
    return $text if !$alive;
    my $snmp = open_session( $opts, $seconds, 1 );
    return "$text, but its AgentX subagent qmipsecd does not: it hangs"
        if $snmp && defined $snmp->get($UPTIME);
    return "$text, but not to this community: it is wrong, or not for this address"
        if version_of($opts) eq '2c';
    return
        "$text, but not to this user: check the user, the level, the passphrases and the context";
}

sub check_error {
    my ($ask) = @_;
    my $error = $ask->{snmp}{ErrorStr} or return $ask->{answered} = 1;
    my $snmpd = 'snmpd of ' . $ask->{opts}->hostname;
    return unknown("$snmpd: $error") unless $error =~ /^Timeout|genErr/i;
    return unknown("$snmpd reports genErr: qmipsecd hangs") if $error =~ /genErr/i;
    return unknown("$snmpd no longer answers: $error") if $ask->{answered};
    return unknown( why_silent( $ask->{opts} ) );
}

# get(ASK, OID...): a hash of those that exist.
sub get {
    my ( $ask, @oids ) = @_;
    my %value;
    while ( my @some = splice @oids, 0, $GET_SIZE ) {
        my $list = SNMP::VarList->new( map { [$_] } @some );
        $ask->{snmp}->get($list);
        check_error($ask);
        for my $i ( 0 .. $#some ) {
            my $type = $list->[$i]->type // q{};
            $value{ $some[$i] } = $list->[$i]->val unless $type =~ /^(?:NOSUCH|ENDOFMIB|$)/;
        }
    }
    return \%value;
}

# walk(ASK, OID...): the columns at once, as hashes of values by index.
sub walk {
    my ( $ask, @oids ) = @_;
    my $list    = SNMP::VarList->new( map { [$_] } @oids );
    my @columns = $ask->{snmp}->bulkwalk( 0, int( $GET_SIZE / @oids ) + 1, $list );
    check_error($ask);
    my %found;
    for my $i ( 0 .. $#oids ) {
        for my $varbind ( @{ $columns[$i] // [] } ) {
            my $name = join q{.}, grep { defined && $_ ne q{} } $varbind->tag, $varbind->iid;
            $found{ $oids[$i] }{$1} = $varbind->val if $name =~ /^\Q$oids[$i]\E[.](.+)$/;
        }
    }
    return \%found;
}
