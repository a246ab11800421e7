// Package store is the core of Volary's SQL: the connection and its transactions, lists, the audit, changes, mails and
// what has jobs worked. Over it lie the floors, each with a handle of its own (DB, made by New):
//
//	overview                     reads several
//	machines                     hosts, pools, clusters, nodes, launches
//	models         books         images, model clusters, tests | offers, orders, lots, ledger, runs
//	people                       persons, organizations, providers
//	store                        this package
//
// A floor imports only what is below it; books and machines do not know one another. What a floor needs of another one
// inside a transaction is an interface that belongs to who needs it: machines.Books, people.Clusters, models.Clusters.
// Package floors puts the handles together.
//
// There is one file per aggregate (machines/clusters.go reads clusters), and one per command that is one transaction
// (machines/launch_cluster.go). Nothing else opens a transaction, and no transaction spans a call to a host.
//
// # Scope
//
// A function for an organization takes its id right after ctx and has it in its WHERE clause; one for a provider's
// staff does the same with the provider's. What is not there and what belongs to someone else are the same
// refusal.NotFound. A command takes the person who asked (uuid.Nil: the operator's command) and writes its
// audit row and its job in its own transaction. Functions for the worker are not scoped; only the worker calls them.
//
// # Locks
//
// Every transaction that takes more than one lock takes them in this order, so that none waits for another in a
// ring: the form's slip (before anything else, see slips.go), provider (shared, for how it stands), pool, model version, clusters by id, host, wallet, lots by id, chain head; an announced upload's last is
// that of the room for all of them (models.BeginUpload). Time that decides about money or claims is the
// database's.
//
// # Rights
//
// A DB has those of the user that its pool signs in as: web's, the worker's, or the owner's for the operator's command.
// CheckServerRole is what each server asks first. A call that only one server makes needs its rows' grants for that one.
//
// # Secrets
//
// What in the database opens something, who may read it (server_role_test.go), and when it goes (ForgetSecrets, every ten minutes):
//
//	sessions.token_hash                    web     the row, once the session is over
//	mail_tokens.token_hash                 web     the row, a day after the link was over
//	sign_ups.token_hash, .password_hash    web     the row, seven days after it was over; the password once it is finished
//	invitations.token_hash                 web     the column, a day after it was accepted, revoked or over
//	console_tickets.token_hash             worker  the row, once it is over (thirty seconds)
//	mails.sealed                           worker  the column, once the mail is sent, or 4 days old (15 for invitations): no link is good for longer
//	upload_sources.sealed, leads_sealed, given_sealed    worker  the columns, once nothing is fetched any more; the row with its upload (a day without progress)
//	clusters.seed_secret                   worker  the column, with the cluster's end (MarkNodesGone); the seeds on hosts with the nodes
//	people.password_hash                   web     replaced by the person
//	certificate_keys.sealed                worker  never: a key that ends signs nothing more, whoever has it
//
// Hashes are of 256 random bits, but for passwords. SSH keys in cluster_keys are public ones and stay: who was let in.
// Credentials of hosts, of the mail server and of the bucket are not in the database.
//
// # Decided
//
// 2026-11-29: the one handle with 249 methods became one for each floor. What people are allowed to do lies lowest, since
// everything else asks it; the books do not see machines and machines only see the interface Books, so that what is paid
// for is changed in one place.
//
// 2026-11-29: what the servers may do is one file that runs after every migration (migrations/grants.sql), not lines spread over
// them: it can be read whole, and covers River's tables, whose versions are River's. The roles have fixed names and no
// passwords; users are theirs by membership. Who migrates is the owner, whatever its name. What only the database may write
// (sums, a journal's head, the queue) is written by functions that run as the owner; they name their search_path with
// pg_temp at its end, nobody else may call them or make triggers of them, and the servers may not make temporary tables.
//
// 2026-11-22: what stands around every page is one round trip (overview/frame.go), and so is a list that its page holds whole: its
// totals are those of its rows, and are counted apart only for longer ones. The list of clusters answered a third as many
// requests a second as a bare handler before, and more than half as many after (`go run ./cmd/dev bench page`).
//
// 2026-11-29: what people choose to be mailed of is told and mailed in two steps. The transaction in which it happens writes a notice for each person
// who wants to hear of it (Tell: one statement, unique by person, event, subject and mark), and waits for nobody; a worker makes mails of
// notices every two seconds (MailNotices), where gathering, the bound of an hour and the summary beyond it need no lock of whoever stops a
// cluster. Who may hear of what, and who does by default, is one table in mail_events.go; mail_choices has departures from it alone. What the
// clock brings is told once (told), by queries over what is open now. Mails about a person's own safety (Warn) do not pass there and
// cannot be chosen.
//
// 2026-11-29: 20 % and 5 % are of what was left in a wallet when it last got hours (hour_marks): a share of all that was ever bought says less
// each year, and one of a single purchase says nothing where three are open. Left is what the wallet's page calls so, without what is set
// aside, since it bounds the next launch.
//
// 2026-11-29: a mail server's 5xx to the recipient or the text ends a mail ("refused"); one to our own sign-in or sender does not, for that is
// repaired here. Who caused it reads the server's words where they would look, since who runs the platform does not know whom they meant.
//
// 2026-11-29: what staff want of a host (state) and what is seen of it are two columns. seen follows from missed rounds, and
// fit, whether it may carry nodes at all, from that, from its last check and from what its last round found lacking; both
// are generated, so that no two queries judge a host in two ways. Whatever is offered or used is summed over the hosts of
// TakesNodes alone. One or two missed rounds change nothing: "down" after the first one refused launches while the same
// host's nodes were still counted.
//
// Start at db.go, then at the floor that a page is about. It imports provisioner/refusal, queue, sealing and typed.
package store
