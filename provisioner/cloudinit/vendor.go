package cloudinit

import (
	"fmt"
	"strings"

	"volary.dev/provisioner"
)

// vendorData is a POSIX shell script. Every value in it was matched against an expression without quotes, spaces
// or dollar signs, so nothing needs quoting; the here-documents are quoted all the same. The sample image runs it at
// each boot, cloud-init at an instance's first one, unless it is told otherwise; it may run any number of times.
func (s Seed) vendorData() string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# Written by Volary for this node.\nmkdir -p /etc/volary\nuser=" + s.signInUser() + "\n" + everyBoot)
	if s.Secret != "" {
		b.WriteString("umask 077\n")
		here(&b, ">/etc/volary/secret", s.Secret+"\n")
	}
	b.WriteString("umask 022\n")
	here(&b, ">/etc/volary/env", s.Environment())
	b.WriteString("sed '/^# volary begin$/,/^# volary end$/d' /etc/hosts >/etc/hosts.volary\n")
	here(&b, ">>/etc/hosts.volary", s.Hosts())
	// Written through, not renamed: /etc/hosts may be a mount point.
	b.WriteString("cat /etc/hosts.volary >/etc/hosts && rm -f /etc/hosts.volary\n")
	access, _ := s.bootScript() // validate has seen it
	b.WriteString(access)
	if s.Check != nil {
		b.WriteString(s.check())
	}
	return b.String()
}

// everyBoot has cloud-init run the script again: Debian's cloud images write /etc/hosts anew at each boot. cloud-init takes
// neither keys nor vendor-data from a seed whose instance-id it knows, so both are looked up on the disk: the copy gives
// way to the seed's own script, and keys that Volary gave before and does not give now leave everybody's authorized_keys,
// as new ones come in where the others are. Keys that somebody wrote in by hand are not ours to judge.
const everyBoot = `again=/var/lib/cloud/scripts/per-boot
if [ -d "$again" ]; then
	seed=$(mktemp -d /run/volary.XXXXXX)
	if disk=$(findfs LABEL=cidata 2>/dev/null) && mount -t iso9660 -o ro "$disk" "$seed"; then
		cp "$seed/vendor-data" "$again/../volary.next" 2>/dev/null
		sed -n 's/^  - "\([^" ]* [^" ]*\).*/\1/p' "$seed/meta-data" >"$seed.now"
		umount "$seed"
	fi
	rmdir "$seed"
	if [ "$0" != "$again/volary" ]; then
		cp "$0" "$again/volary" && chmod 700 "$again/volary"
	elif [ -s "$again/../volary.next" ] && ! cmp -s "$again/../volary.next" "$0"; then
		chmod 700 "$again/../volary.next" && mv "$again/../volary.next" "$0" && rm -f "$seed.now" && exec "$0"
	fi
	rm -f "$again/../volary.next"
	if [ -e "$seed.now" ] && [ -e /etc/volary/keys ]; then
		grep -vxF -f "$seed.now" /etc/volary/keys >"$seed.gone"
		grep -vxF -f /etc/volary/keys "$seed.now" >"$seed.come"
		cut -d : -f 6 /etc/passwd | sort -u | while read -r home; do
			keys=$home/.ssh/authorized_keys
			[ -f "$keys" ] && [ ! -L "$keys" ] && [ ! -L "$home/.ssh" ] || continue
			ours=
			cut -d ' ' -f 1,2 "$keys" | grep -qxF -f /etc/volary/keys && ours=1
			grep -vF -f "$seed.gone" "$keys" >"$seed.keys"
			[ -n "$ours" ] && cat "$seed.come" >>"$seed.keys"
			cmp -s "$seed.keys" "$keys" || cat "$seed.keys" >"$keys"
		done
	fi
	home=$(grep "^${user:-root}:" /etc/passwd | cut -d : -f 6)
	keys=$home/.ssh/authorized_keys
	if [ -s "$seed.now" ] && [ -n "$user" ] && [ -d "$home" ] && [ ! -L "$home/.ssh" ] && [ ! -L "$keys" ]; then
		if [ ! -e "$keys" ]; then
			(umask 077 && mkdir -p "$home/.ssh" && : >"$keys")
			chown "$(grep "^$user:" /etc/passwd | cut -d : -f 3,4)" "$home/.ssh" "$keys"
		fi
		cut -d ' ' -f 1,2 "$keys" >"$seed.keys"
		[ -z "$(tail -c 1 "$keys")" ] || echo >>"$keys"
		grep -vxF -f "$seed.keys" "$seed.now" >>"$keys"
	fi
	ours=$(head -n 1 "$seed.now" 2>/dev/null)
	[ -n "$ours" ] && [ -e /dev/ttyS0 ] && cut -d : -f 1,6 /etc/passwd | while IFS=: read -r name home; do
		cut -d ' ' -f 1,2 "$home/.ssh/authorized_keys" 2>/dev/null | grep -qxF "$ours" && printf '\r\nvolary: sign in as %s\r\n' "$name" >>/dev/ttyS0
	done
	[ -e "$seed.now" ] && (umask 077 && cat "$seed.now" >/etc/volary/keys)
	rm -f "$seed.now" "$seed.gone" "$seed.come" "$seed.keys"
fi
`

// signInUser is whom the script gives the keys to beside cloud-init. Root's are cloud-init's alone: where an image forbids
// root, they stand there with a command that says so.
func (s Seed) signInUser() string {
	if s.User == "root" {
		return ""
	}
	return s.User
}

func here(b *strings.Builder, to, text string) {
	fmt.Fprintf(b, "cat %s <<'VOLARY'\n%sVOLARY\n", to, text)
}

// Environment is /etc/volary/env, which can be sourced by a shell and read by systemd's EnvironmentFile.
func (s Seed) Environment() string {
	var addresses, compute []string
	for _, n := range s.Nodes {
		addresses = append(addresses, n.Name+"="+n.IP.String())
		if n.Name != string(provisioner.RoleHead) {
			compute = append(compute, n.Name)
		}
	}
	head, group := s.head(), ""
	if s.Group != "" {
		group = "VOLARY_GROUP=" + s.Group + "\n"
	}
	return fmt.Sprintf("VOLARY_ROLE=%s\n%sVOLARY_NAME=%s\nVOLARY_DOMAIN=%s\nVOLARY_HEAD=%s\nVOLARY_HEAD_ADDRESS=%s\nVOLARY_COMPUTE=%q\nVOLARY_NODES=%q\n",
		s.Role, group, s.Hostname, s.Domain, head.Name, head.IP, strings.Join(compute, " "), strings.Join(addresses, " "))
}

// Hosts is what the script keeps in /etc/hosts.
func (s Seed) Hosts() string {
	var b strings.Builder
	b.WriteString("# volary begin\n")
	for _, n := range s.Nodes {
		if s.Domain == "" {
			fmt.Fprintf(&b, "%s %s\n", n.IP, n.Name)
		} else {
			fmt.Fprintf(&b, "%s %s.%s %s\n", n.IP, n.Name, s.Domain, n.Name)
		}
	}
	b.WriteString("# volary end\n")
	return b.String()
}

// checkIdentity waits for an address, so that the lines are whole wherever in the boot the script runs. The console
// gets a line break first: a login prompt may stand there. The folder in /run lets one boot report once.
const checkIdentity = `mkdir /run/volary-check 2>/dev/null && (
say() { printf '\r\n%s %s %%s\r\n' "$*" >/dev/ttyS0; }
tries=0
while [ "$tries" -lt 60 ]; do
	address=$(ip -4 addr show 2>/dev/null | awk '$1 == "inet" && $2 !~ /^127\./ { sub(/\/.*/, "", $2); print $2; exit }')
	[ -n "$address" ] && break
	tries=$((tries + 1))
	sleep 1
done
machine=$(head -n 1 /etc/machine-id 2>/dev/null)
key=$(cut -d ' ' -f 2 /etc/ssh/ssh_host_ed25519_key.pub 2>/dev/null)
if [ -z "$key" ] && [ -d /etc/dropbear ]; then
	# Dropbear may leave its key to the first connection; who is late here leaves the one that is there.
	[ -s /etc/dropbear/dropbear_ed25519_host_key ] || dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key
	key=$(dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key 2>/dev/null | awk '/^ssh-/ { print $2 }')
fi
say "identity $(hostname) ${machine:--} ${key:--}"
say "address ${address:--} $(ip link 2>/dev/null | awk '/link\/ether/ { print $2; exit }')"
`

// checkHead asks by name, which proves name and network at once. An image without ping is asked for Python, which
// every image with cloud-init has; a refused connection is an answer too.
const checkHead = `reach() {
	if command -v ping >/dev/null 2>&1; then
		ping -c 1 -W 1 head 2>/dev/null | awk 'NR == 1 && match($0, /\([0-9.]+\)/) { to = substr($0, RSTART + 1, RLENGTH - 2) } /time=/ { print to }'
	else
		python3 -c 'import errno, socket
to = socket.gethostbyname("head")
s = socket.socket()
s.settimeout(1)
if s.connect_ex((to, 22)) in (0, errno.ECONNREFUSED): print(to)' 2>/dev/null
	fi
}
tries=0
while [ "$tries" -lt 120 ]; do
	to=$(reach)
	if [ -n "$to" ]; then
		say "head reached $to"
		break
	fi
	tries=$((tries + 1))
	sleep 1
done
[ -n "$to" ] || say "head unreached"
`

// checkPeers asks for every other node by its name: where that leads, how long the answer to a ping takes, and which name belongs to the
// address. Then it asks for an address that is outside of every cluster, which no host lets pass out of a sealed network.
const checkPeers = `peer() {
	if command -v ping >/dev/null 2>&1; then
		ping -c 1 -W 1 "$1" 2>/dev/null | awk 'NR == 1 && match($0, /\([0-9.]+\)/) { to = substr($0, RSTART + 1, RLENGTH - 2) }
match($0, /time=[0-9.]+/) { ms = substr($0, RSTART + 5, RLENGTH - 5) }
END { print (to == "" ? "-" : to) "/" (ms == "" ? "-" : ms) }'
	else
		python3 -c 'import errno, socket, sys, time
to = ms = "-"
try:
	to = socket.gethostbyname(sys.argv[1])
	s = socket.socket()
	s.settimeout(1)
	began = time.time()
	if s.connect_ex((to, 22)) in (0, errno.ECONNREFUSED): ms = "%.3f" % ((time.time() - began) * 1000)
except OSError: pass
print(to + "/" + ms)' "$1" 2>/dev/null
	fi
}
back() {
	if command -v getent >/dev/null 2>&1; then
		getent hosts "$1" | awk '{ print $2; exit }'
	else
		nslookup "$1" 2>/dev/null | awk -F 'name = ' 'NF > 1 { print $2; exit }'
	fi
}
tries=0
list=
for name in $peers; do
	while told=$(peer "$name"); [ "${told%/-}" != "$told" ] && [ "$tries" -lt 120 ]; do
		tries=$((tries + 1))
		sleep 1
	done
	named=$(back "${told%/*}")
	list="$list $name=${told:--/-}/${named:--}"
	[ "${#list}" -lt 200 ] || { say "peers$list"; list=; }
done
[ -z "$list" ] || say "peers$list"
peer 192.0.2.1 >/dev/null
say "peers done"
`

// checkFill writes lines, as a guest does, so that what is searched for behind them begins one.
const checkFill = `fill=%d
yes 'volary fills its console to see how much of it the host keeps' | head -c "$fill" >/dev/ttyS0
say filled
`

// peers are the names of the other nodes.
func (s Seed) peers() string {
	var names []string
	for _, n := range s.Nodes {
		if n.Name != s.Hostname {
			names = append(names, n.Name)
		}
	}
	return strings.Join(names, " ")
}

func (s Seed) check() string {
	script := fmt.Sprintf(checkIdentity, provisioner.GuestCheckPrefix, s.Check.Nonce)
	if s.Check.Fill > 0 {
		script += fmt.Sprintf(checkFill, s.Check.Fill)
	}
	if s.Role == provisioner.RoleCompute {
		script += checkHead
	}
	if peers := s.peers(); peers != "" && s.Check.Peers {
		script += "peers='" + peers + "'\n" + checkPeers
	}
	// Behind the boot, so that user-data does not wait for another machine.
	return script + ") </dev/null >/dev/null 2>&1 &\n"
}
