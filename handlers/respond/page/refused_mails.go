package page

import (
	"volary.dev/store/people"
	"volary.dev/web/ui"
)

// RefusedMails gives the props of mails that could not be delivered.
func RefusedMails(list []people.RefusedMail) []ui.RefusedMail {
	shown := make([]ui.RefusedMail, len(list))
	for i, m := range list {
		shown[i] = ui.RefusedMail{Address: m.Address, Server: m.Server, Words: m.Words, Own: m.Own}
	}
	return shown
}
