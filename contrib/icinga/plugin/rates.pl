
# --- the state: the counters at the last run ------------------------------------------------

# One file for each check and user, as check_snmp has them.
sub state_file {
    my ( $opts, $what ) = @_;
    my $dir = $opts->get('state-dir');
    $dir //= "$ENV{MP_STATE_PATH}/$>/check_qmipsec" if defined $ENV{MP_STATE_PATH};
    $dir //= ( getpwuid $> )[7] . '/.local/state/check_qmipsec';
    make_path( $dir, { mode => oct 700, error => \my $errors } );
    unknown("cannot write to the state directory $dir; see --state-dir") if !-d $dir || !-w _;
    my $host = $opts->hostname =~ s/[^\w.-]/_/gr;
    return sprintf '%s/%.64s-%.16s.json', $dir, $host, sha256_hex($what);
}

# load(FILE, WHAT): the state of the last run, and why there is none.
sub load {
    my ( $file, $what ) = @_;
    my $in;
    if ( !sysopen $in, $file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK ) {
        return $!{ENOENT} ? ( undef, undef ) : ( undef, "$file: $!" );
    }
    -f $in             or return ( undef, "$file is not a regular file" );
    -o _               or return ( undef, "$file is of another user" );
    -s _ <= $STATE_MAX or return ( undef, "$file is too large" );
    my $text = do { local $/ = undef; readline $in };
    close $in or return ( undef, "$!" );
    my $state = eval { decode_json( $text // q{} ) };
    return ( undef,  "$file is damaged" )          unless is_state($state);
    return ( undef,  "$file is of another check" ) unless $state->{check} eq $what;
    return ( $state, undef );
}

sub is_state {
    my ($state) = @_;
    return 0 if ref $state ne 'HASH' || ref( $state->{check} // [] );
    ( $state->{time}   // q{} ) =~ /^\d+(?:[.]\d+)?$/ or return 0;
    ( $state->{uptime} // 0 )   =~ /^\d+$/            or return 0;
    ref $state->{counters} eq 'HASH' or return 0;
    for my $sample ( values %{ $state->{counters} } ) {
        return 0 if ref $sample ne 'ARRAY' || @$sample != 2;
        ( $_ // 0 ) =~ /^\d{1,20}$/ or return 0 for @$sample;
    }
    return 1;
}

sub save {
    my ( $file, $state ) = @_;
    my $new = "$file.$$";
    unlink $new;
    my $good = sysopen my $out, $new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, oct 600;
    $good &&= print {$out} JSON::PP->new->canonical->encode($state);
    $good &&= close $out;
    $good &&= rename $new, $file;
    my $why = "$!";
    return 1 if $good;
    unlink $new;
    return unknown("cannot write the state $file: $why");
}

# --- rates ----------------------------------------------------------------------------------

# What the last run says about this one: seconds between, and whether the agent restarted.
# The manager's clock may be set meanwhile.
sub interval {
    my ( $old, $now ) = @_;
    my %past = %$old;
    $past{seconds} = $now->{time} - $old->{time};
    if ( defined $now->{uptime} && defined $old->{uptime} ) {
        my $seconds = ( $now->{uptime} - $old->{uptime} ) / 100;
        $past{restarted} = $seconds < 0 || $seconds < $past{seconds} - 1;
        $past{seconds}   = max( $seconds, $past{seconds} );
    }
    return \%past;
}

sub too_soon { my ($past) = @_; return $past && $past->{seconds} >= 0 && $past->{seconds} < 1 }

# Whether a counter was interrupted since the last run. DiscontinuityTime may differ a little
# after a restart of the daemon, without a discontinuity. It is 0, or of the last start of
# the agent at least, after a restart of the agent.
sub interrupted {
    my ( $past, $before, $gap ) = @_;
    return 0        if !defined $gap;
    return $gap > 0 if $past->{restarted};
    return 0        if $gap == ( $before // 0 );
    return !defined $past->{uptime} || $gap > $past->{uptime} - $SLACK;
}

# rate(PAST, KEY, VALUE, GAP): per second, and why there is none.
sub rate {
    my ( $past, $key, $value, $gap ) = @_;
    return ( undef, 'first run' ) unless $past && $past->{counters}{$key};
    my ( $before, $old_gap ) = @{ $past->{counters}{$key} };
    return ( undef, 'the last run was less than a second ago' ) if too_soon($past);
    return ( undef, 'the clock was set back' )                  if $past->{seconds} < 0;
    return ( undef, 'the counter had a discontinuity' ) if interrupted( $past, $old_gap, $gap );
    return ( undef, 'the counter decreased' )           if $value < $before;
    return ( ( $value - $before ) / $past->{seconds}, undef );
}
