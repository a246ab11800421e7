# node.sh TREE FOLDER USER: what a node of TestWorkedExamples has before cloud-init runs. Its pid is written first.
set -e
tree=$1 folder=$2 user=$3
read -r pid _ </proc/self/stat

mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
cd "$folder/root"
mount -t proc proc proc
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
chmod 1777 tmp
mount -t tmpfs tmpfs dev
for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
	mknod -m 666 dev/${node%% *} c ${node#* }
done
mkdir dev/shm dev/pts
chmod 1777 dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ip link set lo up

# The console is read by what keeps it, as a host's log does.
mkfifo dev/console
: >console
ln -s console dev/ttyS0
sh -c 'exec 3<>dev/console; cat <&3 >>console' >/dev/null 2>&1 &
# logger refuses to work where nobody takes what it sends.
chroot . python3 -c 'import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
while True: s.recv(65536)' >/dev/null 2>&1 &

sed -i "s/^\( *name:\) debian\$/\1 $user/" etc/cloud/cloud.cfg
printf 'datasource_list: [NoCloud]\nnetwork: {config: disabled}\n' >etc/cloud/cloud.cfg.d/99-node.cfg
rm -f etc/ssh/ssh_host_* etc/machine-id
: >etc/machine-id

# There is no control group in here.
mkdir -p etc/slurm
echo CgroupPlugin=disabled >etc/slurm/cgroup.conf

cat >usr/local/bin/systemctl <<'END'
#!/bin/sh
as() { user=$1; shift; setpriv --reuid "$user" --regid "$user" --init-groups "$@"; }
for unit; do :; done
case $*,$unit in
enable*,munge) install -d -o munge -g munge /run/munge; as munge munged ;;
enable*,slurmctld) install -d -o slurm -g slurm /var/lib/slurm/slurmctld; as slurm slurmctld -D >/var/log/slurmctld.out 2>&1 & ;;
enable*,slurmd) slurmd -D >/var/log/slurmd.out 2>&1 & ;;
enable*,condor) condor_master -f >/var/log/condor.out 2>&1 & ;;
esac
END
# The seed's disk is the folder /seed.
cat >usr/local/bin/findfs <<'END'
#!/bin/sh
echo /seed
END
cat >usr/local/bin/mount <<'END'
#!/bin/sh
case "$*" in
*iso9660*) for to; do :; done; cp /seed/* "$to" ;;
*) exec /usr/bin/mount "$@" ;;
esac
END
cat >usr/local/bin/umount <<'END'
#!/bin/sh
case "$*" in
*/volary.*) rm "$1"/* ;;
*) exec /usr/bin/umount "$@" ;;
esac
END
chmod 755 usr/local/bin/*
chroot . systemd-tmpfiles --create --exclude-prefix=/dev --exclude-prefix=/proc --exclude-prefix=/sys >/dev/null 2>&1 || true
mkdir -p seed
echo "$pid"
exec chroot . sleep infinity >/dev/null
