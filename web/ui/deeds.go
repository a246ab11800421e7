package ui

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// deeds says in words what the log calls by its verb. A verb that is missing stands for itself.
func deeds() map[string]string {
	return map[string]string{
		"accept invitation": "joined by invitation as", "activate host": "activated the host", "add SSH key": "added the SSH key", "add host": "added the host",
		"add member": "added the member", "add staff": "added to the staff", "announce": "announced", "approve order": "approved the order",
		"approve provider": "approved the provider", "approve request": "approved the request for", "apply as provider": "applied to become a provider",
		"close month": "closed a month of", "set accounts": "changed how accounts are kept of",
		"cancel acceptance test": "cancelled the acceptance test of", "cancel job": "cancelled the job", "change member role": "changed the role of", "change pool": "changed the pool", "change organization": "changed what papers say of the organization", "change provider": "changed what is said of the provider",
		"change staff role": "changed the role of", "change version": "changed the draft", "choose mails": "chose the mails of", "check host": "asked for a check of the host", "cluster ready": "saw every node ready of", "nodes ready": "saw more nodes ready of", "undo batch": "gave up the nodes that were to be added to",
		"consent to console": "let the provider's staff see the consoles of", "enrol host": "enrolled the machine of the host", "notice another machine": "noticed another machine at the address of the host", "renew host code": "asked for a new code for the host",
		"cordon host": "cordoned the host", "create model cluster": "made the model cluster",
		"share model cluster": "shared the model cluster", "withdraw share": "withdrew a share of the model cluster", "clone model cluster": "cloned the model cluster",
		"import model cluster": "made of a bundle the model cluster",
		"make starters":        "made its shares starter models:", "end starters": "ended that its shares are starter models:",
		"create offer": "made the offer", "create organization": "made the organization", "create person": "made the account of", "create pool": "made the pool",
		"create provider": "made the provider", "create shape": "offered the shape", "create version": "began the draft", "decline request": "declined the request for",
		"delete SSH key": "removed the SSH key", "delete cluster": "deleted the cluster", "delete image": "deleted the image", "discard upload": "discarded the upload", "drain host": "began to empty the host", "end announcement": "ended the announcement",
		"end cluster": "ended, as its provider, the cluster", "pause cluster": "paused, as its provider, the cluster", "resume cluster": "let go on, after its pause, the cluster",
		"let stray machine go on": "let a machine go on that somebody had suspended on its host, of", "suspend stray machine": "suspended again a machine that ran on its host, of",
		"allow cluster again": "allowed its organization again to start the cluster",
		"end lease":           "ended the lease of", "end offer": "ended the offer", "extend lease": "extended the lease of", "change lease": "changed how the lease ends of", "fail cluster": "ended the failed launch of", "fail sign-in": "a sign-in failed to the account of",
		"finish acceptance test": "finished the acceptance test of", "grant hours": "granted hours", "invite member": "invited", "invite staff": "invited to the staff",
		"launch cluster": "launched the cluster", "lift suspension": "lifted the suspension of", "look at console": "looked at a console of", "move host": "moved the host",
		"open console": "opened the console of", "order hours": "placed the order", "publish version": "published the version", "reject order": "rejected the order",
		"reject provider": "rejected the application of", "remove host": "removed the host", "remove member": "removed the member", "remove staff": "removed from the staff",
		"restore version": "published again the version", "request launch": "asked for the launch of", "request extension": "asked for a longer lease of", "request scale": "asked for more nodes of", "retire shape": "retired the shape", "retry job": "asked for the job again", "revoke invitation": "took back the invitation of",
		"set cap": "set the cap of", "set price": "set a price of", "set quota": "set the quota of", "sign in": "signed in", "start acceptance test": "tested", "start cluster": "started the cluster", "start test again": "started a second time",
		"stop cluster": "stopped the cluster", "suspend provider": "suspended the provider", "upload image": "uploaded the image", "fetch upload": "gave an address for", "finish upload": "uploaded", "make image": "made the image", "refuse upload": "refused the upload", "withdraw consent to console": "no longer lets staff see the consoles of",
		"withdraw order": "withdrew the order", "withdraw price": "withdrew a price of", "withdraw request": "withdrew the request for", "withdraw version": "withdrew the version",
		"change address": "changed the e-mail address of", "change name": "changed the name of", "change password": "changed the password of", "change role": "changed the role of",
		"end other sessions": "ended all other sessions of", "end session": "ended a session of", "invite": "invited", "renew invitation": "renewed the invitation of",
		"reset password": "set a new password by a mailed link for", "show link of mail": "showed the link of a mail", "send mail again": "gave the mail to the worker again", "set invoice prefix": "set the invoice prefix of",
		"set platform admin": "made or unmade an admin of the platform", "set platform auditor": "made or unmade an auditor of the platform", "sign up": "signed up", "suspend organization": "suspended the organization",
		"suspend person": "suspended the person", "scale up cluster": "added nodes to", "scale down cluster": "took nodes out of", "drain nodes": "let drained nodes go of", "ask about drain": "asked whether nodes go of", "keep drained nodes": "kept the nodes that were to go of", "remove undrained nodes": "had nodes go at once of",
		"place nodes elsewhere": "found other hosts for nodes of", "stop stray machine": "stopped a machine that should not run of",
		"run guest command":    "had a command run in a node of",
		"make certificate key": "made the certificate key", "retire certificate key": "let sign no more the certificate key", "revoke certificate key": "revoked the certificate key",
		"sign certificate": "signed the certificate of the test of", "require certificates": "chose which certificates a launch wants, of the provider",
		"set kept disks": "set what is kept of stopped clusters by",
		"set tax rate":   "set the tax rate of", "exempt from tax": "took a certificate of exemption from tax of", "issue credit note": "issued the credit note", "record payment": "recorded the payment", "use credit": "paid an invoice out of credit by", "pay back credit": "paid back credit by",
		"see unknown machine": "saw a machine that no cluster knows on the host",
	}
}

// Deed is what was done, in words: "launched the cluster".
func Deed(verb string) string {
	if words, ok := deeds()[verb]; ok {
		return words
	}
	return verb
}

// deedOptions are the verbs that a log may be narrowed to.
func deedOptions() []Option {
	all := deeds()
	list := make([]Option, 0, len(all))
	for _, verb := range slices.Sorted(maps.Keys(all)) {
		list = append(list, Option{Value: verb, Label: verb})
	}
	return list
}

// subjectOptions are the kinds of things that a log may be narrowed to.
func subjectOptions() []Option {
	var list []Option
	for _, s := range []string{
		"acceptance_test", "announcement", "certificate_key", "cluster", "credit_note", "host", "image", "invitation", "job", "lot", "model_cluster", "node", "offer", "order", "organization", "payment", "person",
		"pool", "provider", "request", "shape", "ssh_key", "upload", "version",
	} {
		list = append(list, Option{Value: s, Label: SubjectWord(s)})
	}
	return list
}

// SubjectWord is the kind of a thing in the log, in words.
func SubjectWord(subject string) string {
	switch subject {
	case "lot":
		return "purchase"
	case "ssh_key":
		return "SSH key"
	default:
		return strings.ReplaceAll(subject, "_", " ")
	}
}

// LogProps are those of a log: whose it is says the page around it. The filters are person, verb, subject, from_at and
// to_at, as typed.
type LogProps struct {
	List                              ListProps
	Form                              Form // of a filter that could not be read
	Person, Verb, Subject, From, Till string
	Entries                           []LogEntry
	Counted                           int // above it the total is only known to be more
}

// LogEntry is one thing that was done.
type LogEntry struct {
	At            time.Time
	Person        string // empty: the system
	Address       string // from where, empty for a program
	Verb, Subject string
	Name          string // of the subject
	Where         string // address of the subject's page, empty where there is none
	Other         string // the organization or provider that it also concerns
	Details       []string
}

// Details puts what a deed was done with into words: "reason: to be repaired". Instants are in the zone.
func Details(detail map[string]any, zone *time.Location) []string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(detail)) {
		switch v := detail[key].(type) {
		case nil:
		case string:
			if _, err := uuid.Parse(v); v == "" || err == nil { // ids are for machines
				continue
			}
			if at, err := time.Parse(time.RFC3339, v); err == nil {
				v = ClockSeconds(at, zone)
			}
			list = append(list, detailWord(key)+": "+shortDigest(v))
		case bool:
			list = append(list, detailWord(key)+": "+map[bool]string{true: "yes", false: "no"}[v])
		case float64:
			list = append(list, detailNumber(key, int64(v)))
		case []any:
			list = append(list, fmt.Sprintf("%s: %d", detailWord(key), len(v)))
		}
	}
	return list
}

// shortDigest is the beginning of a digest, which tells it from others; the export has all of it. Other words stay.
func shortDigest(v string) string {
	if len(v) == 64 && strings.Trim(v, "0123456789abcdef") == "" {
		return v[:12] + "…"
	}
	return v
}

// detailWords are the keys of details in the words of the pages. A test compares them with what the store writes.
func detailWords() map[string]string {
	return map[string]string{
		"add_seconds": "longer by", "at_end": "at its end", "keep_days": "disks kept for", "kept_days": "disks kept at most for", "kept_gib": "GiB kept of one organization", "admin": "is an admin", "amount": "for", "again": "enrolled before", "auditor": "is an auditor", "because": "because", "begun": "begun",
		"cap": "cap", "canonical_digest": "digest", "clusters": "clusters stopped", "desired": "to be", "document_digest": "document", "good_days": "good for", "grace_days": "days of grace", "held": "set aside", "hours": "hours",
		"least_hours": "at least", "lease_ends_at": "lease ends", "lease_seconds": "lease", "mcs": "hours", "need": "needs", "paused_seconds": "paused for",
		"paid_on": "paid on", "size": "size", "until_stopped": "until it is stopped", "underlay": "underlay address", "until": "until",
	}
}

// detailWord says a key in the words of the pages.
func detailWord(key string) string {
	if word, ok := detailWords()[key]; ok {
		return word
	}
	return strings.ReplaceAll(key, "_", " ")
}

// detailNumber knows the units of numbers.
func detailNumber(key string, n int64) string {
	word := detailWord(key) + ": "
	switch {
	case strings.HasSuffix(key, "_seconds"):
		return word + Duration(time.Duration(n)*time.Second)
	case slices.Contains([]string{"mcs", "held", "hours", "need", "cap", "set_aside", "released", "used", "least_hours"}, key):
		return word + ComputeHours(n)
	case strings.HasSuffix(key, "_days"):
		return word + Plural(n, "day", "days")
	case key == "size":
		return word + Bytes(n)
	default:
		return word + Count(n)
	}
}
