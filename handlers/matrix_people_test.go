package handlers_test

import (
	"net/http"

	"volary.dev/handlers/handlertest"
)

// joiningMatrix is the ways in.
func joiningMatrix() []row {
	page, refused, gone := []int{http.StatusOK}, []int{http.StatusUnprocessableEntity}, []int{http.StatusGone}
	return []row{
		{"GET /sign-up", all(), false, []int{http.StatusOK, http.StatusSeeOther}},
		{"POST /sign-up", all(), false, refused},
		{"POST /sign-up/resend", all(), false, refused},
		{"GET /confirm", all(), false, gone},
		{"POST /confirm", all(), false, gone},
		{"GET /confirm-email", all(), false, gone},
		{"POST /confirm-email", all(), false, gone},
		{"GET /reset", all(), false, page},
		{"POST /reset", all(), false, refused},
		{"GET /reset/choose", all(), false, gone},
		{"POST /reset/choose", all(), false, gone},
		{"GET /invitations/:token", all(), false, gone},
		{"POST /invitations/:token", all(), false, gone},
		{"GET /roles", all(), false, page},
	}
}

// accountMatrix is what people do about themselves.
func accountMatrix() []row {
	page, led, refused := []int{http.StatusOK}, []int{http.StatusSeeOther}, []int{http.StatusUnprocessableEntity}
	return []row{
		{"GET /account", signedIn(), false, page},
		{"POST /account", signedIn(), false, refused},
		{"POST /account/email", signedIn(), false, refused},
		{"GET /account/password", signedIn(), false, page},
		{"POST /account/password", signedIn(), false, refused},
		{"GET /account/mails", signedIn(), false, page},
		{"POST /account/mails", signedIn(), false, led},
		{"GET /account/organizations/new", signedIn(), false, page},
		{"POST /account/organizations", signedIn(), false, refused},
		{"GET /account/ssh-keys", signedIn(), false, page},
		{"POST /account/ssh-keys", signedIn(), false, refused},
		{"POST /account/ssh-keys/:id/delete", signedIn(), false, led},
		{"GET /account/sessions", signedIn(), false, page},
		{"GET /account/sign-ins", signedIn(), false, page},
		{"POST /account/sessions/:id/end", signedIn(), false, led},
		{"POST /account/sessions/end-others", signedIn(), false, led},
	}
}

// membersMatrix is who belongs to an organization.
func membersMatrix() []row {
	page, led, refused := []int{http.StatusOK}, []int{http.StatusSeeOther}, []int{http.StatusUnprocessableEntity}
	return []row{
		{"GET /org/members", orgRead(), false, page},
		{"POST /org/members/:id/role", access{handlertest.Owner, handlertest.OtherOwner}, true, led},
		{"POST /org/members/:id/cap", orgManage(), true, []int{http.StatusSeeOther}},
		{"GET /org/invitations", orgManage(), false, page},
		{"POST /org/invitations", orgManage(), false, refused},
		{"POST /org/invitations/:id/resend", orgManage(), true, led},
	}
}

// platformMatrix is the work of the platform's admins.
func platformMatrix() []row {
	page, led, refused := []int{http.StatusOK}, []int{http.StatusSeeOther}, []int{http.StatusUnprocessableEntity}
	return []row{
		{"GET /platform", platformAdmins(), false, page},
		{"GET /platform/organizations", platformAdmins(), false, page},
		{"GET /platform/organizations/:id", platformAdmins(), false, page},
		{"POST /platform/organizations/:id/suspend", platformAdmins(), false, refused},
		{"POST /platform/organizations/:id/lift", platformAdmins(), false, refused},
		{"POST /platform/organizations/:id/quota", platformAdmins(), false, led},
		{"POST /platform/organizations/:id/starters", platformAdmins(), false, refused},
		{"GET /platform/people", platformAdmins(), false, page},
		{"GET /platform/people/:id", platformAdmins(), false, page},
		{"POST /platform/people/:id/suspend", platformAdmins(), false, refused},
		{"POST /platform/people/:id/lift", platformAdmins(), false, refused},
		{"POST /platform/people/:id/admin", platformAdmins(), false, led},
		{"POST /platform/people/:id/no-admin", platformAdmins(), false, refused}, // the last one
		{"POST /platform/people/:id/auditor", platformAdmins(), false, led},
		{"POST /platform/people/:id/no-auditor", platformAdmins(), false, led},
		{"GET /platform/log", platformAdmins(), false, page},
		{"GET /platform/log.jsonl", platformAdmins(), false, page},
		{"GET /platform/certificates", platformAdmins(), false, page},
		{"POST /platform/certificates/retire", platformAdmins(), false, refused},
		{"POST /platform/certificates/revoke", platformAdmins(), false, refused},
		{"GET /platform/outbox", platformAdmins(), false, page},
		{"GET /platform/outbox/:id", platformAdmins(), false, page},
		{"POST /platform/outbox/:id/send", platformAdmins(), false, refused},
		{"GET /platform/providers", platformAdmins(), false, page},
		{"GET /platform/providers/:id", platformAdmins(), false, page},
		{"POST /platform/providers/:id/approve", platformAdmins(), false, refused}, // it is active
		{"POST /platform/providers/:id/reject", platformAdmins(), false, refused},
		{"POST /platform/providers/:id/suspend", platformAdmins(), false, refused},
		{"POST /platform/providers/:id/lift", platformAdmins(), false, refused},
		{"GET /platform/jobs", platformAdmins(), false, page},
		{"POST /platform/jobs/:id/retry", platformAdmins(), false, refused},
	}
}
