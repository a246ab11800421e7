# Debian: apt install qemu-system-x86 qemu-utils genisoimage
cat >meta-data <<'END'
instance-id: try-at-home-1
local-hostname: head.trial-1.volary
END
cat >user-data <<'END'
#!/bin/sh
echo user-data ran >/dev/ttyS0
END
cat >vendor-data <<'END'
#!/bin/sh
mkdir -p /etc/volary
printf 'VOLARY_ROLE=head\nVOLARY_NAME=head\nVOLARY_HEAD=head\n' >/etc/volary/env
END
genisoimage -quiet -output seed.iso -volid cidata -joliet -rock meta-data user-data vendor-data

# A copy-on-write disk: my-image.qcow2 itself stays as it is.
qemu-img create -q -f qcow2 -b my-image.qcow2 -F qcow2 head.qcow2
