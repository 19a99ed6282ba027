# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The package on a machine, from the README to purge, with IPsec traffic. Runs in the
# guest that "machine" boots, with systemd and the stock snmpd.

# shellcheck source=tests/lab/lib.sh
. /src/tests/lab/lib.sh

V2C="-v2c -c qmipsec 127.0.0.1"
V3="-v3 -l authPriv -u qmipsec -a SHA-512 -A authsecret -x AES -X privsecret 127.0.0.1"
SNMP_ARGS=$V2C # for lib.sh
ROW=backup # of the README's example
OUT=$((700 + 8)) IN=$((300 + 8)) # bytes of a datagram in transport mode, each way
DROP_IN=/etc/systemd/system/qmipsecd.service.d
EXAMPLES=/usr/share/doc/qmipsecd/examples
INDEX=6.98.97.99.107.117.112 # of the row

install_package()
{
	DEBIAN_FRONTEND=noninteractive apt-get -q -y "${@:2}" install "$1" /out/mib.deb
}

# ask TOOL ARGUMENT…: with the installed MIB.
ask()
{
	# shellcheck disable=SC2086 # several options in one word
	"$1" -m QMIPSEC-MIB $SNMP_ARGS "${@:2}" 2>>"$LOGS/snmp-tools.log"
}

serves() { ask snmpget -Oqv QMIPSEC-MIB::qmIpsecAgentVersion.0 | grep '^[0-9]'; }
serves_not() { ! serves; }
property() { systemctl show -P "$1" qmipsecd; }
other_pid() { [ "$(property MainPID)" != "$1" ] && [ "$(property ActiveState)" = active ]; }
said() { journalctl -q -t qmipsecd --no-pager -o cat | grep -- "$1"; }
said_of_systemd() { journalctl -q -u qmipsecd --no-pager -o cat | grep -- "$1"; }
discontinuity() { ask snmpget -Oqvt "$ROOT.1.1.1.14.$INDEX"; }

# readme TEXT: the README's block of commands or directives that contains that text.
readme()
{
	awk -v text="$1" '
		/^    / { block = block substr($0, 5) "\n"; next }
		index(block, text) { exit }
		{ block = "" }
		END { if (index(block, text)) printf "%s", block }' /src/README.md
}

flows()
{
	start_flow there udp ADDR init peer --size 700 --pause 0.01
	start_flow back udp ADDR peer init --size 300 --pause 0.01 --port 7778
	sleep 1
}

# flows_end TEXT: the row has increased by what arrived.
sent=0 received=0
flows_end()
{
	end_flow there
	sent=$((sent + FLOW[packets_received] * OUT))
	end_flow back
	received=$((received + FLOW[packets_received] * IN))
	eventually 60 serves
	row_is "$1: $sent bytes sent, $received received" init $ROW ActiveSA=2 KeyAdditions=2 \
		KeyDeletions=0 ConfidentialBytesSent=$sent ConfidentialBytesReceived=$received
}

# --- install, by the README ---------------------------------------------------------------

wire init peer
is "the stock snmpd runs" "$(systemctl is-active snmpd)" active
# Normally a refused system call only fails. Here it kills, so that none is overlooked.
mkdir -p $DROP_IN
printf '[Service]\nSystemCallErrorNumber=kill\n' >$DROP_IN/kill.conf
install_package /out/first.deb
is "apt has installed and started it" "$(systemctl is-active qmipsecd)" active
is "and it will start at the next boot" "$(systemctl is-enabled qmipsecd)" enabled
check "it waits for snmpd, and says for which" eventually 60 \
	said "waiting for .*/run/agentx/master"
refuse "snmpd does not serve it yet" serves

readme "examples/snmpd-qmipsecd.conf" >/tmp/lab/commands
is "the README has two commands for snmpd" "$(wc -l </tmp/lab/commands)" 2
check "and they work" bash -e /tmp/lab/commands
eventually 60 serves
pass "and then snmpd serves it"

# The example has the access rules of this user; this is the password.
systemctl stop snmpd
echo 'createUser qmipsec SHA-512 authsecret AES privsecret' >>/var/lib/snmp/snmpd.conf
systemctl start snmpd
# By addresses, since this machine has no HBA to discover.
readme "instance backup" | grep '^instance ' |
	sed "s,192.0.2.10,${ADDR[init.4]}/32,; s,198.51.100.0/24,${ADDR[peer.4]}/32," \
		>>/etc/snmp/qmipsecd.conf
echo "maxAge 0.05" >>/etc/snmp/qmipsecd.conf
check "systemctl reload qmipsecd" systemctl reload qmipsecd
eventually 60 said "configuration read again"
echo "pollIntervall 5" >>/etc/snmp/qmipsecd.conf
refuse "systemctl reload refuses a configuration with an error" systemctl reload qmipsecd
check "and says which" eventually 60 said_of_systemd pollIntervall
sed -i '$d' /etc/snmp/qmipsecd.conf
is "the daemon has not minded" "$(systemctl is-active qmipsecd)" active

# --- its rights -----------------------------------------------------------------------

pid=$(property MainPID)
while read -r key value _; do
	case $key in
	Cap*) is "${key%:}: CAP_NET_ADMIN alone" "$value" 0000000000001000 ;;
	NoNewPrivs:) is "no new privileges" "$value" 1 ;;
	Seccomp:) is "system calls are filtered" "$value" 2 ;;
	Uid:) is "its own user" "$(id -un "$value")" qmipsecd ;;
	Groups:) is "one group" "$value" "$(id -g qmipsecd)" ;;
	esac
done <"/proc/$pid/status"
is "snmpd's socket is for it alone" \
	"$(stat -c '%U %G %a' /run/agentx/master)" "qmipsecd qmipsecd 660"
# sid's snmpd does not know two directives of Debian's own snmpd.conf.
refuse "snmpd complains of no line of this package" \
	grep -iE "identify|unknown|warning|error" <(journalctl -q -u snmpd --no-pager -o cat |
		grep -v -e pci -e '^/etc/snmp/snmpd\.conf: ')
is "its state is its own" "$(stat -c '%U %a' /run/qmipsecd /run/qmipsecd/qmipsecd.state |
	xargs)" "qmipsecd 700 qmipsecd 600"
systemd-analyze security qmipsecd --no-pager >"$LOGS/security" || true
check "systemd agrees on how safe it is" grep -E 'exposure level.*: (0\.|1\.[012]) ' "$LOGS/security"

# --- traffic --------------------------------------------------------------------------------

sa_pair init peer 0x100 reqid=7
policy init peer ADDR 4 "esp transport reqid 7"
flows
sleep 2
flows_end "traffic"
exact_row "every column, as ip shows it" init $ROW
walk=$(ask snmpwalk -On "$ROOT.1.2")
is "18 columns of two rows by v2c" "$(grep -c ' = Counter64: ' <<<"$walk")" 36
SNMP_ARGS=${V2C/-v2c/-v1}
refuse "not by v1" serves
SNMP_ARGS=$V3
is "the same by SNMPv3 with authentication and encryption" "$(ask snmpwalk -On "$ROOT.1.2")" "$walk"
exact_row "every column by SNMPv3" init $ROW
SNMP_ARGS=${V3/authsecret/notsecret}
refuse "not with another password" serves
SNMP_ARGS=$V2C
first=$(discontinuity)

# --- snmpd ends and starts ---------------------------------------------------------------------

flows
systemctl restart snmpd
flows_end "snmpd restarted"
flows
snmpd=$(systemctl show -P MainPID snmpd)
kill -STOP "$snmpd"
sleep 60
kill -CONT "$snmpd"
flows_end "snmpd frozen for 60 s"
is "qmipsecd was never restarted" "$(property NRestarts) $(property MainPID)" "0 $pid"
first=$(discontinuity)

# --- upgrade, reinstall -------------------------------------------------------------------------

flows
install_package /out/next.deb
eventually 60 other_pid "$pid"
flows_end "upgrade"
is "the new version is there" "$(dpkg-query -W -f '${Version}' qmipsecd | sed 's/.*-//')" 2
is "DiscontinuityTime has not moved" "$(($(discontinuity) - first < 100))" 1
flows
install_package /out/next.deb --reinstall
flows_end "reinstall"
flows
systemctl stop qmipsecd
systemctl start qmipsecd
flows_end "stop and start"
is "the administrator's configuration stands" "$(grep -c "^instance $ROW" /etc/snmp/qmipsecd.conf)" 1

# --- watchdog, drop-ins ---------------------------------------------------------------------------

# drop_in FILE: installed as the file itself says.
drop_in()
{
	install -Dm644 -t $DROP_IN "$1"
	systemctl daemon-reload
	systemctl restart qmipsecd
}

printf '[Service]\nWatchdogSec=6\n' >/tmp/lab/watchdog.conf
drop_in /tmp/lab/watchdog.conf
echo "pollInterval 2" >>/etc/snmp/qmipsecd.conf
systemctl reload qmipsecd
pid=$(property MainPID)
flows
kill -STOP "$pid"
eventually 60 other_pid "$pid"
pass "the watchdog restarts a qmipsecd that stands still"
flows_end "watchdog"

echo "namespace *" >>/etc/snmp/qmipsecd.conf
systemctl reload qmipsecd
eventually 60 said "namespace peer: cannot enter it without CAP_SYS_ADMIN"
pass "another namespace takes a capability that it has not, and it says so"
flows
drop_in $EXAMPLES/namespaces.conf
flows_end "with namespaces.conf"
row_is "namespaces.conf: the other end is watched too" init peer/unattributed \
	ConfidentialBytesSent=$received ConfidentialBytesReceived=$sent
ip netns add late
ip -n late xfrm state add src 10.9.9.1 dst 10.9.9.2 proto esp spi 1 \
	aead "rfc4106(gcm(aes))" "$KEY160" 128
eventually 60 row_has init late/unattributed KeyAdditions 1
pass "so is a namespace that comes"
check "and it can go" ip netns delete late
is "namespaces.conf: one capability more" \
	"$(awk '/^CapEff/ { print $2 }' "/proc/$(property MainPID)/status")" 0000000000201000
is "and namespaces of one kind may be entered" "$(property RestrictNamespaces)" net
rm $DROP_IN/namespaces.conf
sed -i '/^namespace /d' /etc/snmp/qmipsecd.conf

sed -i 's,^agentXSocket.*,agentXSocket tcp:127.0.0.1:705,' /etc/snmp/qmipsecd.conf \
	/etc/snmp/snmpd.conf.d/snmpd-qmipsecd.conf
systemctl daemon-reload
systemctl restart snmpd qmipsecd
sleep 3
refuse "no TCP without tcp.conf" serves
drop_in $EXAMPLES/tcp.conf
eventually 60 serves
pass "an AgentX socket over TCP with tcp.conf"
flows
flows_end "over TCP"

# --- remove, purge ------------------------------------------------------------------------------------

refuse "no system call was ever refused" said_of_systemd "status=31/SYS"
check "nothing failed" test -z "$(systemctl list-units --failed --plain --no-legend)"
apt-get -q -y remove qmipsecd
refuse "removed: it does not run" systemctl is-active qmipsecd
check "snmpd does" systemctl is-active snmpd
refuse "nothing of it is in /run" test -e /run/qmipsecd
check "the configuration stays" test -s /etc/snmp/qmipsecd.conf
apt-get -q -y purge qmipsecd
refuse "purged: the configuration is gone" test -e /etc/snmp/qmipsecd.conf

# --- from source, by the README ---------------------------------------------------------

sed -i 's,^agentXSocket.*,agentXSocket /run/agentx/master,' \
	/etc/snmp/snmpd.conf.d/snmpd-qmipsecd.conf
systemctl restart snmpd
# As "make install" would: through /lib, a link, where units go there (Debian 12).
tar -C /out/source/root -c . | tar -C / -x --keep-directory-symlink --no-overwrite-dir
cd /out/source || exit
readme "autoreconf -i" | sed '1,/make install$/d' >/tmp/lab/commands
check "the rest of its commands work" bash -e /tmp/lab/commands
eventually 60 serves
pass "and then snmpd serves it, without a change to a file"
is "the configuration is the example" \
	"$(diff /etc/snmp/qmipsecd.conf /usr/share/doc/qmipsecd/examples/qmipsecd.conf)" ""
check "systemctl reload qmipsecd" systemctl reload qmipsecd
