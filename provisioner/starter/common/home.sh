# The head's /home is every node's.
if [ "$VOLARY_ROLE" = head ]; then
	echo "/home *.$VOLARY_DOMAIN(rw,no_root_squash,no_subtree_check)" >/etc/exports
	systemctl enable --now nfs-server
	exportfs -ra
else
	grep -q ' /home nfs4 ' /etc/fstab || echo "$VOLARY_HEAD:/home /home nfs4 _netdev,nofail,x-systemd.automount,x-systemd.mount-timeout=5min 0 0" >>/etc/fstab
	systemctl daemon-reload
	systemctl restart remote-fs.target
fi
