#!/bin/sh
# Runs inside the new system, with its packages installed and nothing started: what both starters have in common.
set -e

echo 'LANG=C.UTF-8' >/etc/default/locale # without one, Debian's cloud-init ends in an error
echo 'LABEL=volary-root / ext4 errors=remount-ro 0 1' >/etc/fstab

cat >/etc/systemd/network/10-volary.network <<'END'
[Match]
Type=ether

[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no

[DHCPv4]
UseMTU=yes
UseDomains=yes
END
systemctl enable systemd-networkd systemd-resolved
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf

cat >/etc/cloud/cloud.cfg.d/90-volary.cfg <<'END'
# The seed is a disk; addresses come by DHCP.
datasource_list: [NoCloud, None]
network: {config: disabled}
END

# Each program beside what its node is told by user-data: /usr/lib/volary is on no search path.
chmod 0755 /usr/lib/volary/*

# What is a node's own is made at its first start.
rm -f /etc/ssh/ssh_host_* /etc/hostname /var/lib/dbus/machine-id /var/lib/systemd/random-seed
: >/etc/machine-id
