// Package jobs is the finite work behind the pages, a River job and a file for each: check_host, delete_image, discard_upload, fetch_upload,
// run_acceptance, send_mail, verify_upload. What never ends is in handlers/loops; both reach hosts by loops.Hosts.
//
// A job may run twice, on two workers, and die between any two lines: it begins from what the database and the hosts say.
//
// 2026-11-29: a host's check does not take the word of virtlogd's configuration for how much a guest can write: a guest writes
// three times as much, and what lies on the host afterwards counts (probe_console.go). A virtlogd that was not started anew, and
// a QEMU that writes the file itself, look well configured. A cap above 64 MiB is refused, since it could not be tried.
//
// 2026-11-29: a busy host kept its guests from booting under KVM within 12 s, passed its check, and was an emulating one from
// then on. The limit counts silence on the guest's console now, and a host that does not answer once is asked again.
//
// 2026-11-30: an upload is fetched from its address under the lock that senders of others have (upload_lock.go), so that a colleague's discard
// ends it and nobody appends beside it. What has to outlast a worker is in its row: of which file the first bytes are (mark), how long it is, how
// often it was cut and begun. A cut gives the place back: ten fetches of servers that answer now and then hold none. One fetch of an
// organization runs at a time, and all together have a ceiling, so that pages and consoles are not starved.
//
// 2026-11-30: a right that ends ends the fetch that needs it, as it ends a request that sends: it is looked at before a server is asked, again under
// the lock, and every two seconds. At the last byte alone a stranger's server was asked for up to twelve hours in the name of an organization that
// was suspended. The twelve hours are of fetching: who waits for its turn, or for a store that is away, uses none of them, and is not taken for
// an upload that stands still, however old it is.
//
// 2026-11-30: two servers of 64 KiB a minute held both places of the queue for twelve hours each. While others wait an upload keeps its place for
// five minutes, and for one where its server sends less than 16 KiB a second; then it stands behind them and goes on by Range. Eight slow turns
// in a row end it, with the numbers; while nobody waits a slow server may take its twelve hours. Who takes a turn puts what else of its organization
// waits behind all others, so that who waits has at most a turn of each other organization before it, whatever their servers do. What is slow is measured over a look, and without the time of our own
// pace: 64 KiB before each cut counted as progress, and held a place for ever.
//
// 2026-11-30: a press of Try again while the job of the last try is ending finds that job and makes none. It is taken up within ten seconds
// (loops.UploadKeeper) rather than made beside it: two jobs of one upload would take its lock from each other.
//
// 2026-11-30: a test has one limit (provisioner.TestLimit), which is the lease of its cluster: its job ends it then, and the sweep of
// leases two minutes later where no worker did. A command in a guest is written into the log once for each way in which it ended, and not at
// each look while its host cannot be asked.
//
// Start at queue.go.
package jobs
