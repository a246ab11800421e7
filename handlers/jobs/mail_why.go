package jobs

import (
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// mailWhy is the end of a mail: why its reader gets it, and where to choose. It is empty for a mail that says itself
// why it came, to an address which may have no account.
func mailWhy(m store.Mail, portal string) string {
	choose := "\n-- \nYou get this mail because " + because(m) + ". Choose which mails you get: " + portal + "/account/mails\n"
	if many := m.Data["many"]; many != "" {
		choose = "\nThis is the last of " + many + " mails of this kind within an hour. What follows comes together, in one mail every ten minutes.\n" + choose
	}
	switch m.Kind {
	case store.MailClusterReady, store.MailClusterFailed, store.MailScaleFailed, store.MailClusterOver, store.MailClusterEnded, store.MailClusterPaused, store.MailClusterResumed,
		store.MailNodesLost, store.MailLeaseEnds, store.MailDisksEnd, store.MailTestEnded, store.MailRequestWaiting, store.MailRequestDecided,
		store.MailHoursLow, store.MailHoursExpire, store.MailOverdue, store.MailOrderDecided, store.MailAnnouncement, store.MailHostLost, store.MailOrderWaiting,
		store.MailLedgerDiffers, store.MailLedgerHeads, store.MailStatement, store.MailUploadStale, store.MailUploadGone, store.MailSummary:
		return choose
	case store.MailKeyAdded, store.MailRoleGiven, store.MailHostAdded, store.MailNewPlace, store.MailPassword, store.MailCertificateKey, store.MailSuspended, store.MailProviderDecided:
		return "\n-- \nThis mail is always sent: it is about what others may do with what is yours. Which other mails you get: " + portal + "/account/mails\n"
	default:
		return ""
	}
}

// because says what a person has to do with what happened.
func because(m store.Mail) string {
	role, of := m.Data["role"], typed.Isolate(inLine(m.Data["of"]))
	switch {
	case m.Kind == store.MailSummary:
		return "you chose to hear of what happened"
	case m.Data["own"] == "" && of == "":
		return "you are an admin of this Volary"
	case m.Data["own"] == "":
		return "you are " + role + " of " + of
	}
	switch m.Kind {
	case store.MailTestEnded:
		return "you began this test"
	case store.MailUploadStale, store.MailUploadGone:
		return "you began this upload"
	case store.MailRequestDecided:
		return "you asked for this"
	case store.MailOrderDecided:
		return "you ordered these hours"
	default:
		return "you launched or started this cluster"
	}
}
