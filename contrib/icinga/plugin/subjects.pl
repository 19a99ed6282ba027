
# --- what is checked: subjects, each with the values of its columns -------------------------

# The index of strings, each after its length.
sub numbers_of {
    my (@names) = @_;
    return join q{.}, map { ( length, unpack 'C*' ) } @names;
}

# The names in an index of strings with their lengths.
sub names_of {
    my ($index) = @_;
    my @numbers = split /[.]/, $index;
    my @names;
    while (@numbers) {
        my $length = shift @numbers;
        push @names, join q{}, map { chr } splice @numbers, 0, $length;
    }
    return @names;
}

# The columns that the metrics need.
sub columns_of {
    my ( $kind, $metrics ) = @_;
    my %columns = map { $_ => 1 } values %{ $ALSO{$kind} };
    $columns{$_} = 1 for map { @{ $_->{$kind} // [] } } @$metrics;
    my @sorted = sort keys %columns;
    return @sorted;
}

sub subject {
    my ( $kind, $index, $value ) = @_;
    my ( $instance, $peer ) = names_of($index);
    my %subject = ( kind => $kind, name => $peer // $instance, value => $value );
    $subject{instance} = $instance;
    $subject{$_} = $value->{ $ALSO{$kind}{$_} } for keys %{ $ALSO{$kind} };
    return \%subject;
}

# read_row(ASK, KIND, INDEX, BASE, COLUMN...): undef if there is none.
sub read_row {
    my ( $ask, $kind, $index, $base, @columns ) = @_;
    my $value = get( $ask, map { "$base.$_.$index" } @columns );
    my $row   = subject( $kind, $index, { map { $_ => $value->{"$base.$_.$index"} } @columns } );
    return defined $row->{active} ? $row : undef;
}

sub read_instance {
    my ( $ask, $base, @columns ) = @_;
    my $name = $ask->{opts}->instance;
    my $row  = read_row( $ask, 'instance', numbers_of($name), $base, @columns );
    return $row if $row;
    my $exist = walk( $ask, "$base.1.1.2" )->{"$base.1.1.2"} // {};
    my @names =
        map { ( names_of($_) )[0] . ( $exist->{$_} == 1 ? q{} : ' (gone)' ) } sort keys %$exist;
    return unknown( "no instance \"$name\"; there are: " . join ', ', @names );
}

# All rows of a table.
sub read_rows {
    my ( $ask, $kind, $base, @columns ) = @_;
    my $found   = walk( $ask, map { "$base.$_" } @columns );
    my %indexes = map { $_ => 1 } map { keys %$_ } values %$found;
    return map {
        my $index = $_;
        subject( $kind, $index, { map { $_ => $found->{"$base.$_"}{$index} } @columns } )
    } sort keys %indexes;
}

# The peer of --peer in each instance that has it. One that does not exist is not active.
sub read_peers {
    my ( $ask, $base, @columns ) = @_;
    my $opts   = $ask->{opts};
    my $wanted = $opts->peer;
    if ( defined $opts->instance ) {
        my $peer =
            read_row( $ask, 'peer', numbers_of( $opts->instance, $wanted ), $base, @columns );
        return $peer if $peer;
    }
    my $label  = "$base.$ALSO{peer}{label}";
    my $labels = walk( $ask, $label )->{$label} // {};
    my ( @found, %exist );
    for my $index ( sort keys %$labels ) {
        my ( $instance, $peer ) = names_of($index);
        next if defined $opts->instance && $opts->instance ne $instance;
        $exist{$peer} = 1;
        next if $wanted ne $peer && $wanted ne $labels->{$index};
        push @found, read_row( $ask, 'peer', $index, $base, @columns );
    }
    return @found if @found;
    my @names = sort keys %exist;
    splice @names, 20, @names - 20, '...' if @names > 20;
    return {
        kind    => 'peer',
        name    => $wanted,
        value   => { $ALSO{peer}{active} => 2 },
        missing => @names ? 'no such peer; there are: ' . join( ', ', @names ) : 'there is no peer',
    };
}

sub read_agent {
    my ( $ask, $base, $metrics ) = @_;
    my @columns = ( '4.1.0', map { @{ $_->{agent} // [] } } @$metrics );
    my $value   = get( $ask, $UPTIME, map { "$base.$_" } @columns );
    defined $value->{"$base.4.1.0"}
        or unknown( 'snmpd of '
            . $ask->{opts}->hostname
            . " answers, but shows no QMIPSEC-MIB at $base: qmipsecd does not run, is not attached"
            . ' (agentXSocket), has another root, or the view of this community or user excludes it'
        );
    $ask->{uptime} = 0 + $value->{$UPTIME} if defined $value->{$UPTIME};
    return {
        kind  => 'agent',
        name  => 'qmipsecd',
        value => { map { $_ => $value->{"$base.$_"} } @columns } };
}

sub read_subjects {
    my ( $ask, $metrics ) = @_;
    my $opts     = $ask->{opts};
    my $base     = ( $opts->root =~ s/^[.]?/./r ) . '.1';
    my @subjects = read_agent( $ask, $base, $metrics );
    if ( defined $opts->peer ) {
        unshift @subjects, read_peers( $ask, $base, columns_of( 'peer', $metrics ) );
    } elsif ( grep { $_->{instance} } @$metrics ) {
        my @columns = columns_of( 'instance', $metrics );
        unshift @subjects, defined $opts->instance
            ? read_instance( $ask, $base, @columns )
            : read_rows( $ask, 'instance', $base, @columns );
    }
    return @subjects;
}
