// Package cloudinit writes the seed a node boots with: an ISO 9660 image labelled cidata in the NoCloud form that
// cloud-init reads, and the sample image too. The same input gives the same bytes.
//
//	meta-data    instance-id, local-hostname, public-keys
//	user-data    the group's own, as it wrote it
//	vendor-data  ours: a shell script that writes /etc/hosts, /etc/volary/env and /etc/volary/secret, and in an
//	             acceptance test reports on the console
//
// # Keys at a later start
//
// Each start has a seed of its own, with the keys of those who have a right then. The sample image writes authorized_keys
// from it at each boot. cloud-init does not: it applies public-keys once for an instance-id, and even for a new one adds
// to what is there. So our script, which it runs at each boot, reads the seed's disk and takes out what Volary gave before.
// It runs near the end of the boot, after SSH began to listen; a guest without cloud-init, one that was first started
// before this script was written, and keys that somebody copied inside are out of its reach.
//
// Decided 2026-11-29: the instance-id stays the node's. A new one at each start would remove no key, but run user-data
// again and make new host keys.
//
// # Whose keys
//
// cloud-init gives public-keys to the image's default user, and to root, where the image forbids root with a command that names
// that user. A version may say as whom people sign in (2026-11-29): Seed.User gets the keys as well, by our script, where the
// image or user-data has such a user. It makes none, and leaves root to the image. At each boot it writes to the console who has
// the seed's first key, without a command before it; where a version says nobody, the cluster's page names the first of them
// (provisioner.ReadSignIn), and root where nobody was named. cloud-init's own table ("ci-info: Authorized keys from …") has also
// users with keys of their own, in no certain order: it counts where our script did not run.
//
// Hypervisor drivers attach it as a read-only virtio disk: Debian's cloud kernels have no AHCI.
//
// # While it runs
//
// 2026-11-30: a node that runs is told of changes by a script that its guest's agent runs (AccessScript). It takes keys whose right
// ended out of everybody's authorized_keys, in the name of the user whose list it is, for a user may put a link in root's way; and it notes
// them in /etc/volary/ended with the number of the start. A boot inside the same start writes the seed's keys anew, in the sample image, or
// those of Seed.User: our script takes the noted ones out again, a second or two after SSH began to listen. A later start has a seed
// without them, and the note counts no more.
//
// With accounts the same functions make the logins at the first boot and follow them later. Of a login Volary owns the lines between its
// marks in authorized_keys, /etc/sudoers.d/volary and the shell; /etc/volary/logins lists whom it made, and whoever is not in it is left alone,
// also where the name would be a member's: that is said on the cluster's page. Locking removes the whole list of keys, for it may have
// others that let the person in; removes the shell; expires the account; and kills what runs. It is our own script and not
// cloud-init's users: a second part of vendor-data would replace a group's own users, which cloud-init does not merge.
//
// # What a test reports
//
// With Seed.Check set, the script prints the lines of provisioner.GuestCheckPrefix to /dev/ttyS0: identity and address
// on every node, and on compute nodes whether the head answers by its name, which is tried for two minutes. The
// lines are the guest's words, and a guest can write what it likes: they prove that an image works, not that it
// is honest.
//
// 2026-11-30: it is the way into a guest for every image, and stays so beside the guest's agent (provisioner.Driver.Exec) and the host's
// probe (Driver.Probe): it needs neither a program that an image may lack, nor a port at which it listens, and tells its lines by a
// nonce from whatever else is on the console.
package cloudinit
