qemu-system-x86_64 -machine q35,accel=kvm:tcg -m 1024 -nographic \
  -drive file=head.qcow2,if=virtio \
  -drive file=seed.iso,if=virtio,format=raw,readonly=on \
  -nic user,model=virtio-net-pci,domainname=trial-1.volary,hostfwd=tcp:127.0.0.1:2222-:22 \
  -device virtio-rng-pci
