// Package people is the floor of who there is and who may do what: persons, their sessions, keys and passwords,
// organizations with members and invitations, providers with staff and announcements, and all suspensions.
//
// 2026-11-29: a session keeps when its password was last given (fresh_at, RepeatPassword); the portal's routes say what asks
// for it again. What gives lasting power is mailed to whose power it is, by the transaction that gives it: a new key, role,
// host, and a sign-in from a network (IPv4 /24, IPv6 /48) that the log does not know of the person for 90 days. There
// are ten such mails an hour a person (store.DB.Warn), since whoever took an account could hide the one that matters
// among thousands. Founding an organization of one's own is no such mail: it takes nothing from anybody.
//
// 2026-11-29: a session's expires_at is its effective end: the earlier of seven days after its begin and the idle time after
// its last use, written with seen_at at most once a minute, so that whoever asks whether a session lasts (web, consoles,
// what is forgotten) looks at one column. Use is what a person asks: neither the stream of changes nor fragments that a page
// fetches by itself, and nothing that comes by an open console, where a guest can have the browser answer it.
//
// 2026-11-29: failed sign-ins stand in the log beside the others ("fail sign-in"), by the person whose account they were
// for: ten an hour and one more, since whoever guesses could else write without an end what is never removed. An address
// without an account takes the same work (fail_sign_in.go).
//
// 2026-11-29: a cap is kept over changes of role, and over leaving and coming back (left_caps): it is taken away by who sets caps
// alone, with their row in the log. A detour made a bounded member unlimited, and nobody was told.
//
// 2026-11-29: an invitation may carry a cap, which counts from the acceptance, over one that was kept of who comes back: a member
// was unlimited between joining and the first look at the list of members.
//
// It imports the core alone. What a suspension does to clusters it asks of Clusters (db.go). Start at sessions.go, then
// sign_up.go; the rules of every floor (scope, locks, one file per command) are in the core's doc.go.
//
// 2026-11-29: an invitation is as good as the right of who made it, or renewed it last. An owner who was removed let themselves in again by
// a link that they had made before, for two weeks. It is looked at when a link is opened, and again under the place's lock, rather than
// taken back by each command that takes a role away. In the same way another password ends the links that wait: who knew the
// old one had the account moved to an address of theirs for a day.
//
// 2026-11-29: eight wrong passwords from anywhere kept a person out of everything for a quarter of an hour, also where they
// were signed in, and a new password did not help. Tries are counted where they come from: an address, a browser that is
// known (devices), a session, a mailed link. What strangers try from places that the person never signed in from has a
// bound of its own, high above, before which each try waits longer; who opens a mailed link is forgiven all.
//
// 2026-11-29: a session begins at the place to which the person has belonged longest. By name, a second organization that somebody
// founded, or was invited to, changed where the next sign-in led.
//
// 2026-11-30: a login is given by a trigger on memberships, which every way into an organization passes, and derived from the address before
// its @: names of people are written in all scripts. Its number is never given again, for disks keep files of it; 30 000 people
// may pass through an organization until there is none left, and a membership does not fail for that.
package people
