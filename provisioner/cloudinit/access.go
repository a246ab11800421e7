package cloudinit

import (
	"fmt"

	"volary.dev/provisioner"
)

// AccessScript has a node that runs give up keys and follow who may sign in, as root by its agent's hand: a POSIX shell script, in which
// people's words are lines of a quoted here-document that provisioner.Access.Text checked. Status 0 says that all is done; a line
// "absent NAME" names a login that could not be made. It may run any number of times. provisioner.ErrAccess where it is refused.
func AccessScript(a provisioner.Access) ([]byte, error) {
	text, err := a.Text()
	if err != nil {
		return nil, err
	}
	return []byte("{\n" + accessBegin + "cat >\"$tmp/wanted\" <<'VOLARY'\n" + text + "VOLARY\n" + shellAs + shellTakeOut + accessEnded + shellLogins +
		"follow\ntake_out\n[ ! -e \"$tmp/failed\" ]\nexit $?\n}\n"), nil
}

// accessBegin makes a place for what the script needs meanwhile; those in whose name it works read it.
const accessBegin = `set -u
umask 022
mkdir -p /etc/volary
tmp=$(mktemp -d /run/volary-access.XXXXXX) || exit 75
trap 'rm -rf "$tmp"' EXIT
chmod 711 "$tmp"
`

// shellAs runs a command as a user of the machine: a home is its user's, who may put a link in the way of root at any time.
const shellAs = `as() {
	case $1 in
	0) sh -c "$3" ;;
	*) case $2 in -* | '') return 1 ;; *) su -s /bin/sh "$2" -c "$3" ;; esac ;;
	esac </dev/null >/dev/null 2>&1
}
`

// shellTakeOut takes the keys of $tmp/gone out of everybody's authorized_keys, with whatever stands around them.
const shellTakeOut = `take_out() {
	[ -s "$tmp/gone" ] || return 0
	cut -d : -f 1,3,6 /etc/passwd | sort -u | while IFS=: read -r name uid home; do
		for keys in "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2"; do
			[ -f "$keys" ] && grep -qF -f "$tmp/gone" "$keys" || continue
			K=$keys G=$tmp/gone
			export K G
			as "$uid" "$name" 't=$(mktemp "$K.XXXXXX") || exit 1
				grep -vF -f "$G" "$K" >"$t"
				[ $? -le 1 ] && mv -f "$t" "$K" || { rm -f "$t"; exit 1; }'
			grep -qF -f "$tmp/gone" "$keys" && { echo "failed keys $name"; : >"$tmp/failed"; }
		done
	done
}
`

// accessEnded remembers which keys of the seed ended in this start, for the boots to come.
const accessEnded = `start=$(sed -n 's/^start /# start /p' "$tmp/wanted")
sed -n 's/^end //p' "$tmp/wanted" >"$tmp/gone"
sed -n 's/^back //p' "$tmp/wanted" >"$tmp/back"
{
	echo "$start"
	{
		cat "$tmp/gone"
		[ "$(head -n 1 /etc/volary/ended 2>/dev/null)" = "$start" ] && sed 1d /etc/volary/ended
	} | sort -u | if [ -s "$tmp/back" ]; then grep -vxF -f "$tmp/back"; else cat; fi
} >/etc/volary/ended.new
mv /etc/volary/ended.new /etc/volary/ended || : >"$tmp/failed"
sed 1d /etc/volary/ended >"$tmp/gone"
`

// shellLogins makes the logins of $tmp/wanted and locks those that it made before and that are not wanted. What the person added to
// their authorized_keys stays beside what is between the marks, until the login is locked: then all of it goes. /etc/volary/logins
// lists whom it made; nobody else is touched.
const shellLogins = `made=/etc/volary/logins
field() { grep "^$1:" /etc/passwd | head -n 1 | cut -d : -f "$2"; }
make() {
	shell=/bin/sh
	[ -x /bin/bash ] && shell=/bin/bash
	home=/home/$1
	if command -v useradd; then
		groupadd -g "$2" "$1"
		[ -d "$home" ] && more=-M || more=-m
		useradd -u "$2" -g "$2" -d "$home" "$more" -s "$shell" -p '*' "$1"
	else
		addgroup -g "$2" "$1"
		adduser -D -u "$2" -G "$1" -h "$home" -s "$shell" "$1"
		[ -e /etc/shadow ] && sed -i "s/^$1:!:/$1:*:/" /etc/shadow
	fi
	[ "$(field "$1" 3)" = "$2" ]
} </dev/null >/dev/null 2>&1
shell_of() {
	if command -v usermod; then
		usermod -s "$2" -e "$3" "$1"
	else
		sed "s|^\($1:.*:\)[^:]*$|\1$2|" /etc/passwd >/etc/passwd.volary && cat /etc/passwd.volary >/etc/passwd && rm -f /etc/passwd.volary
	fi
} </dev/null >/dev/null 2>&1
end_sessions() {
	command -v loginctl && loginctl terminate-user "$1"
	for round in 1 2 3 4 5; do
		of=$(grep -l "^Uid:[[:space:]]*$2[[:space:]]" /proc/[0-9]*/status | cut -d / -f 3)
		[ -n "$of" ] || return 0
		kill -KILL $of
		[ "$round" = 1 ] || sleep 1
	done
	return 1
} </dev/null >/dev/null 2>&1
lock() {
	uid=$(field "$1" 3) K=$(field "$1" 6)/.ssh
	export K
	[ "$uid" = "$2" ] || return 0
	if [ "$(field "$1" 7)" != /bin/false ]; then
		as "$uid" "$1" 'rm -f "$K/authorized_keys" "$K/authorized_keys2"'
		shell_of "$1" /bin/false 1
	fi
	end_sessions "$1" "$2"
	[ ! -e "$K/authorized_keys" ] && [ ! -e "$K/authorized_keys2" ] && [ "$(field "$1" 7)" = /bin/false ]
}
let_in() {
	if [ "$(field "$1" 7)" = /bin/false ]; then
		shell=/bin/sh
		[ -x /bin/bash ] && shell=/bin/bash
		shell_of "$1" "$shell" ''
	fi
	K=$(field "$1" 6)/.ssh/authorized_keys W=$tmp/keys
	export K W
	{
		echo '# volary begin'
		sed -n "s/^key $1 //p" "$tmp/wanted"
		echo '# volary end'
	} >"$W"
	sed -n '/^# volary begin$/,/^# volary end$/p' "$K" 2>/dev/null | cmp -s - "$W" && return 0
	as "$2" "$1" 'umask 077
		mkdir -p "${K%/*}" && t=$(mktemp "$K.XXXXXX") || exit 1
		{ [ ! -f "$K" ] || sed "/^# volary begin$/,/^# volary end$/d" "$K"; cat "$W"; } >"$t" && mv -f "$t" "$K"'
}
follow() {
	grep -qx accounts "$tmp/wanted" || return 0
	[ -e "$made" ] || : >"$made"
	: >"$tmp/sudo"
	sed -n 's/^login //p' "$tmp/wanted" | while read -r name uid sudo; do
		if ! grep -q "^$name:" /etc/passwd; then
			if cut -d : -f 3 /etc/passwd | grep -qx "$uid" || ! make "$name" "$uid"; then
				echo "absent $name"
				continue
			fi
		elif [ "$(field "$name" 3)" != "$uid" ]; then
			echo "absent $name"
			continue
		fi
		grep -qx "$name $uid" "$made" || echo "$name $uid" >>"$made"
		let_in "$name" "$uid" || { echo "failed login $name"; : >"$tmp/failed"; }
		[ "$sudo" = sudo ] && echo "$name ALL=(ALL) NOPASSWD: ALL" >>"$tmp/sudo"
	done
	while read -r name uid; do
		grep -q "^login $name " "$tmp/wanted" || lock "$name" "$uid" || { echo "failed lock $name"; : >"$tmp/failed"; }
	done <"$made"
	[ -d /etc/sudoers.d ] || return 0
	cmp -s "$tmp/sudo" /etc/sudoers.d/volary && return 0
	cat "$tmp/sudo" >/etc/sudoers.d/volary.new && chmod 440 /etc/sudoers.d/volary.new && mv /etc/sudoers.d/volary.new /etc/sudoers.d/volary || : >"$tmp/failed"
}
`

// bootScript is what a seed adds to vendor-data, which runs at each boot: keys of it that ended since leave again, for a boot writes
// the seed's keys anew; and with accounts the logins are made.
func (s Seed) bootScript() (string, error) {
	if s.Start == 0 {
		return "", nil
	}
	text, err := provisioner.Access{Start: s.Start, Accounts: s.Accounts, Logins: s.Logins}.Text()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSeed, err)
	}
	script := "(\n" + accessBegin + shellAs + shellTakeOut + fmt.Sprintf(bootEnded, s.Start)
	if s.Accounts {
		script += "cat >\"$tmp/wanted\" <<'VOLARY'\n" + text + "VOLARY\n" + shellLogins + "follow\n"
	}
	return script + "take_out\n) </dev/null\n", nil
}

const bootEnded = `[ "$(head -n 1 /etc/volary/ended 2>/dev/null)" = "# start %d" ] && sed 1d /etc/volary/ended >"$tmp/gone"
`
