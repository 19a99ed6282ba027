# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# PostgreSQL for Zabbix, with its socket in /tmp. Sourced.

# as USER COMMAND…: the command replaces this process.
as()
{
	local user=$1

	shift
	exec setpriv --reuid "$user" --regid "$user" --init-groups "$@"
}

postgres_bin=$(echo /usr/lib/postgresql/*/bin)

# database_run DIR: does not return. What it holds may be lost with the machine.
database_run()
{
	as postgres "$postgres_bin/postgres" -D "$1" -k /tmp -F \
		-c listen_addresses= -c synchronous_commit=off -c full_page_writes=off \
		-c wal_level=minimal -c max_wal_senders=0
}

# database_wait PID: until it answers.
database_wait()
{
	until "$postgres_bin/pg_isready" --quiet --host /tmp; do
		kill -0 "$1"
		sleep 0.1
	done
}
