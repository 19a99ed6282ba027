
# --- results --------------------------------------------------------------------------------

# The name of what a metric of a subject is about; undef if another subject has shown it.
sub scope_of {
    my ( $run, $subject, $metric ) = @_;
    return $subject->{name} if $metric->{kind} ne 'scoped' || $subject->{scope} != 2;
    return "$subject->{name} (its namespace)" if $run->{one};
    return if $subject->{active} != 1;    # no longer follows its namespace
    my $name = $subject->{netns} eq q{} ? 'own namespace' : "namespace $subject->{netns}";
    return $run->{seen}{$name}{ $metric->{name} }++ ? undef : $name;
}

# value_of(RUN, SUBJECT, METRIC, NAME): what the ranges are for, or undef and why there is
# none.
sub value_of {
    my ( $run, $subject, $metric, $name ) = @_;
    my @parts = map { $subject->{value}{$_} } @{ $metric->{ $subject->{kind} } };
    my $kind  = $metric->{kind};
    return $parts[0] == 1 ? 1 : 0 if $kind eq 'truth';
    return $parts[0] / 1000       if $kind eq 'age';
    return $subject->{active} == 1 && !$parts[1] ? $parts[0] : 0 if $kind eq 'bare';
    my $value = @parts == 1 ? $parts[0] : sum0(@parts);    # exact in 64 bits
    return $value if $kind eq 'level';
    my $key = join "\t", $subject->{instance} // q{}, $name, $metric->{name};
    $run->{counters}{$key} = [ "$value", $subject->{gap} ];
    return ( rate( $run->{past}, $key, $value, $subject->{gap} ), $value );
}

sub text_of {
    my ( $metric, $value ) = @_;
    my $shown = $metric->{kind} eq 'truth' ? ( $value ? 'yes' : 'no' ) : sprintf '%.4g', $value;
    return sprintf $metric->{text}, $shown;
}

sub check_metric {
    my ( $run, $subject, $metric ) = @_;
    my $name  = scope_of( $run, $subject, $metric ) // return;
    my $label = $metric->{name} =~ tr/-/_/r;
    $label = ( $name =~ tr/'=|/_/r ) . " $label" unless $run->{one} || $metric->{agent};
    my $is = "$name: ";
    if ( grep { !defined $subject->{value}{$_} } @{ $metric->{ $subject->{kind} } } ) {
        my $why = $subject->{missing} // "no $metric->{name}: qmipsecd is too old";
        push @{ $run->{said}{UNKNOWN} }, $is . $why unless $subject->{missing} && $run->{down};
        return;
    }
    my ( $value, $why, $total ) = value_of( $run, $subject, $metric, $name );
    $plugin->add_perfdata( label => "${label}_total", value => $total, uom => 'c' )
        if defined $total;
    if ( !defined $value ) {
        $run->{no_rate}{$why} = 1;
        return;
    }
    my $threshold = Monitoring::Plugin::Threshold->set_thresholds( map { $_ => $metric->{$_} }
            qw(warning critical) );
    $plugin->add_perfdata(
        label     => $label,
        value     => 0 + sprintf( '%.15g', $value ),
        uom       => $metric->{kind} eq 'age' ? 's' : q{},
        threshold => $threshold,
        min       => 0
    );
    my $status  = $Monitoring::Plugin::STATUS_TEXT{ $threshold->get_status($value) };
    my $missing = $subject->{missing} ? " ($subject->{missing})" : q{};
    push @{ $run->{said}{$status} }, $is . text_of( $metric, $value ) . $missing;
    return;
}

sub finish {
    my ( $run, $count ) = @_;
    my $said     = $run->{said};
    my ($status) = grep { $said->{$_} } qw(CRITICAL WARNING UNKNOWN OK);
    my @texts    = map { @{ $said->{$_} // [] } } qw(CRITICAL WARNING UNKNOWN);
    @texts = @{ $said->{OK} // [] }       if !@texts && $run->{one};
    @texts = "$count instances and peers" if !@texts;
    push @texts, map { "no rate: $_" } sort keys %{ $run->{no_rate} };
    push @texts, "the state was rejected: $run->{rejected}" if $run->{rejected};
    return $plugin->plugin_exit( $status // 'OK', join( ', ', @texts ) =~ tr/|\n/_ /r );
}

# --- the program ----------------------------------------------------------------------------

# A signal that Perl does not defer, because the library waits for an answer meanwhile.
sub set_alarm {
    my ($opts) = @_;
    my $late = sub {
        unknown(  'snmpd of '
                . $opts->hostname
                . ' answers too slowly: not within '
                . $opts->timeout
                . ' s' );
    };
    POSIX::sigaction( SIGALRM, POSIX::SigAction->new( $late, POSIX::SigSet->new, 0 ) );
    alarm $opts->timeout;
    return;
}

sub main {
    add_options();
    $plugin->getopts;
    my $opts = $plugin->opts;
    check_options($opts);
    my @metrics = chosen_metrics($opts);
    my $what    = join "\t",
        map { $_ // q{} } map { $opts->get($_) } qw(hostname port context root instance peer);
    $what .= join q{,}, q{ }, map { $_->{name} } @metrics;
    my $file = state_file( $opts, $what );
    set_alarm($opts);

    # The rest of the time is for finding out what is wrong.
    my $snmp = open_session( $opts, $opts->timeout * 0.8, $opts->retries )
        or unknown( why_silent($opts) );
    my %ask      = ( opts => $opts, snmp => $snmp );
    my @subjects = read_subjects( \%ask, \@metrics );
    my ( $old, $rejected ) = load( $file, $what );
    my %now = ( check => $what, time => time, uptime => $ask{uptime}, counters => {} );
    my %run = (
        down     => grep( { $_->{name} eq 'active' } @metrics ) > 0,
        one      => defined $opts->instance || @subjects <= 2,
        past     => $old && interval( $old, \%now ),
        counters => $now{counters},
        rejected => $rejected,
    );

    for my $metric (@metrics) {
        check_metric( \%run, $_, $metric ) for grep { $metric->{ $_->{kind} } } @subjects;
    }
    save( $file, \%now ) unless too_soon( $run{past} );
    return finish( \%run, @subjects - 1 );
}

eval { main(); 1 } or unknown("this is an error of the plugin: $@");
