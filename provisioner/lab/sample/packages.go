package sample

import (
	"slices"

	"volary.dev/provisioner/debian"
)

// packageNames are downloaded beside the kernel. Debian's tools make the image and do not go into it.
var packageNames = slices.Concat([]string{
	"busybox-static", "dropbear-bin", "libtomcrypt1", "libtommath1", "libgmp10", "libcrypt1", "zlib1g", "libc6",
	"netcat-openbsd", "libbsd0", "libmd0",
	"qemu-guest-agent", "libglib2.0-0", "libpcre2-8-0", "libudev1", "libnuma1", "liburing2",
}, debian.Tools())
