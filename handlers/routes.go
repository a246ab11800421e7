package handlers

import (
	"slices"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/account"
	"volary.dev/handlers/org"
	"volary.dev/handlers/platform"
	"volary.dev/handlers/provider"
	"volary.dev/handlers/public"
	"volary.dev/handlers/request"
	"volary.dev/handlers/uploads"
)

// route is one row of the portal's table of contents. Who has a permission is said in request/policy.go.
type route struct {
	method  string
	path    string
	may     request.Permission // who has it, and for a GET the auditors of the place, too
	handler echo.HandlerFunc
	guard   guard // what bounds it; the zero value suits pages and forms
}

// guard is how a route is bounded.
type guard int

const (
	ordinary  guard = iota
	hashing         // ordinary, and throttled by address: passwords are hashed
	asking          // ordinary, and few at a time: a host is asked
	costly          // ordinary, and few at a time: much is read
	exporting       // few at a time, as long as the reader takes them at a fair pace
	bundling        // the same, of files of gigabytes
	streaming       // no limit of time: event streams bound each event
	uploading       // no limit of time or of the body: uploads bound what a sender may dawdle
	opening         // no limit of time, throttled by person: consoles
	lasting         // ordinary, and gives lasting power: a password that was given a while ago is asked for again
)

const (
	get    = "GET"
	post   = "POST"
	head   = "HEAD"
	patch  = "PATCH"
	remove = "DELETE"
)

// audiences are the handlers of each audience.
type audiences struct {
	public   public.Handlers
	account  account.Handlers
	org      org.Handlers
	provider provider.Handlers
	platform platform.Handlers
}

// routes is every route there is.
func routes(h audiences, tus *uploads.Handler, static echo.HandlerFunc) []route {
	p := h.public
	return append([]route{
		{get, "/", request.Anyone, p.Home, costly},
		{get, "/market", request.Anyone, p.ShowMarket, costly},
		{get, "/market/images", request.Anyone, p.ShowImageGuide, ordinary},
		{get, "/market/providers/:id", request.Anyone, p.ShowProvider, costly},
		{get, "/certificates/keys.json", request.Anyone, p.ShowCertificateKeys, ordinary},
		{get, "/certificates/:address", request.Anyone, p.ShowCertificate, ordinary},
		{get, "/certificates/:address/envelope.json", request.Anyone, p.DownloadCertificate, ordinary},
		{get, "/anchors", request.Anyone, p.ListAnchors, ordinary},
		{get, "/anchors/heads.json", request.Anyone, p.DownloadAnchor, costly},
		{get, "/schemas/cluster-1.json", request.Anyone, p.ShowSchema, ordinary},
		{get, "/healthz", request.Anyone, p.ShowHealth, ordinary},
		{get, "/readyz", request.Anyone, p.ShowReadiness, ordinary},
		{get, "/events", request.SignedIn, p.ShowEvents, streaming},
		{get, "/static/*", request.Anyone, static, ordinary},
		{get, "/sign-in", request.Anyone, p.NewSession, ordinary},
		{post, "/sign-in", request.Anyone, p.CreateSession, hashing},
		{post, "/sign-out", request.SignedIn, p.DeleteSession, ordinary},
		{post, "/switch", request.SignedIn, p.SwitchWorkplace, ordinary},
		{get, "/workplaces", request.SignedIn, p.ShowWorkplaces, ordinary},

		{post, "/uploads/", request.OrgWork, tus.Serve, uploading},
		{head, "/uploads/:id", request.OrgWork, tus.Serve, uploading},
		{get, "/uploads/:id/sums", request.OrgWork, tus.Sums, ordinary},
		{patch, "/uploads/:id", request.OrgWork, tus.Serve, uploading},
		{remove, "/uploads/:id", request.OrgWork, tus.Serve, uploading},
	}, slices.Concat(
		joiningRoutes(p), accountRoutes(h.account), orgRoutes(h.org), modelRoutes(h.org), clusterRoutes(h.org), orgSalesRoutes(h.org), providerRoutes(h.provider),
		providerSalesRoutes(h.provider), providerSettingRoutes(h.provider), platformRoutes(h.platform),
	)...)
}

// providerRoutes are those of a provider's staff.
func providerRoutes(v provider.Handlers) []route {
	return []route{
		{get, "/provider", request.ProviderRead, v.ShowOverview, costly},
		{get, "/provider/search", request.ProviderRead, v.Search, costly},
		{get, "/provider/hosts", request.ProviderHosts, v.ListHosts, ordinary},
		{post, "/provider/hosts", request.ProviderHosts, v.CreateHost, lasting},
		{get, "/provider/hosts/new", request.ProviderHosts, v.NewHost, ordinary},
		{get, "/provider/hosts/:id", request.ProviderHosts, v.ShowHost, ordinary},
		{post, "/provider/hosts/:id/code", request.ProviderHosts, v.RenewHostCode, lasting},
		{post, "/provider/hosts/:id/check", request.ProviderHosts, v.CheckHost, ordinary},
		{post, "/provider/hosts/:id/cordon", request.ProviderHosts, v.CordonHost, ordinary},
		{post, "/provider/hosts/:id/drain", request.ProviderHosts, v.DrainHost, ordinary},
		{post, "/provider/hosts/:id/activate", request.ProviderHosts, v.ActivateHost, ordinary},
		{get, "/provider/hosts/:id/remove", request.ProviderHosts, v.ConfirmRemoveHost, ordinary},
		{post, "/provider/hosts/:id/remove", request.ProviderHosts, v.RemoveHost, ordinary},
		{get, "/provider/pools", request.ProviderHosts, v.ListPools, ordinary},
		{post, "/provider/pools", request.ProviderHosts, v.CreatePool, ordinary},
		{get, "/provider/pools/new", request.ProviderHosts, v.NewPool, ordinary},
		{get, "/provider/pools/:id", request.ProviderHosts, v.ShowPool, ordinary},
		{post, "/provider/pools/:id", request.ProviderHosts, v.UpdatePool, ordinary},
		{get, "/provider/pools/:id/edit", request.ProviderHosts, v.EditPool, ordinary},
		{get, "/provider/shapes", request.ProviderHosts, v.ListShapes, ordinary},
		{post, "/provider/shapes", request.ProviderHosts, v.CreateShape, ordinary},
		{get, "/provider/shapes/new", request.ProviderHosts, v.NewShape, ordinary},
		{post, "/provider/shapes/:id/retire", request.ProviderHosts, v.RetireShape, ordinary},
		{get, "/provider/clusters", request.ProviderHosts, v.ListClusters, ordinary},
		{get, "/provider/clusters/:id", request.ProviderHosts, v.ShowCluster, ordinary},
		{post, "/provider/clusters/:id/pause", request.ProviderHosts, v.PauseCluster, ordinary},
		{post, "/provider/clusters/:id/resume", request.ProviderHosts, v.ResumeCluster, ordinary},
		{post, "/provider/clusters/:id/end", request.ProviderHosts, v.EndCluster, ordinary},
		{post, "/provider/clusters/:id/allow", request.ProviderHosts, v.AllowCluster, ordinary},
		{get, "/provider/clusters/:id/nodes/:node/console", request.ProviderConsole, v.ShowConsole, asking},
		{get, "/provider/clusters/:id/nodes/:node/console.log", request.ProviderConsole, v.ShowConsoleLog, asking},
		{post, "/provider/clusters/:id/nodes/:node/console/ticket", request.ProviderConsole, v.CreateConsoleTicket, ordinary},
		{get, "/provider/clusters/:id/nodes/:node/console/ws", request.ProviderConsole, v.ConsoleSocket, opening},
		{get, "/provider/announcements", request.ProviderNotify, v.ListAnnouncements, ordinary},
		{post, "/provider/announcements", request.ProviderNotify, v.CreateAnnouncement, ordinary},
		{get, "/provider/announcements/new", request.ProviderNotify, v.NewAnnouncement, ordinary},
		{post, "/provider/announcements/:id/end", request.ProviderNotify, v.EndAnnouncement, ordinary},
		{get, "/provider/jobs", request.ProviderHosts, v.ListJobs, ordinary},
		{post, "/provider/jobs/:id/retry", request.ProviderHosts, v.RetryJob, ordinary},
		{post, "/provider/jobs/:id/cancel", request.ProviderHosts, v.CancelJob, ordinary},
		{get, "/provider/staff", request.ProviderOwn, v.ListStaff, ordinary},
		{post, "/provider/staff/:id/role", request.ProviderOwn, v.ChangeStaffRole, lasting},
		{post, "/provider/staff/:id/remove", request.ProviderOwn, v.RemoveStaff, lasting},
		{get, "/provider/invitations", request.ProviderOwn, v.ListInvitations, ordinary},
		{post, "/provider/invitations", request.ProviderOwn, v.CreateInvitation, lasting},
		{post, "/provider/invitations/:id/resend", request.ProviderOwn, v.ResendInvitation, lasting},
		{post, "/provider/invitations/:id/revoke", request.ProviderOwn, v.RevokeInvitation, ordinary},
		{get, "/provider/log", request.ProviderLog, v.ShowLog, costly},
		{get, "/provider/log.jsonl", request.ProviderLog, v.ExportLog, exporting},
		{get, "/provider/organizations", request.ProviderRead, v.ListOrganizations, ordinary},
		{get, "/provider/organizations/:id", request.ProviderRead, v.ShowOrganization, ordinary},
		{get, "/provider/usage", request.ProviderUsage, v.ShowUsage, costly},
		{get, "/provider/usage.csv", request.ProviderUsage, v.ExportUsage, exporting},
		{get, "/provider/usage.xlsx", request.ProviderUsage, v.ExportUsageWorkbook, exporting},
	}
}

// providerSettingRoutes are what a provider says of itself, what it keeps, what it signs by, and what it wants to see.
func providerSettingRoutes(v provider.Handlers) []route {
	return []route{
		{get, "/provider/settings", request.ProviderOwn, v.EditSettings, ordinary},
		{post, "/provider/settings", request.ProviderOwn, v.UpdateSettings, ordinary},
		{post, "/provider/settings/kept-disks", request.ProviderOwn, v.UpdateKeptDisks, ordinary},
		{get, "/provider/certificates", request.ProviderOwn, v.ListCertificateKeys, ordinary},
		{post, "/provider/certificates/require", request.ProviderOwn, v.RequireCertificates, ordinary},
		{post, "/provider/certificates/retire", request.ProviderOwn, v.RetireCertificateKey, lasting},
		{post, "/provider/certificates/revoke", request.ProviderOwn, v.RevokeCertificateKey, lasting},
	}
}

// orgRoutes are those of an organization's members.
func orgRoutes(o org.Handlers) []route {
	return []route{
		{get, "/org", request.OrgRead, o.ShowHome, ordinary},
		{get, "/org/search", request.OrgRead, o.Search, costly},
		{get, "/org/usage", request.OrgRead, o.ShowUsage, costly},
		{get, "/org/usage.csv", request.OrgRead, o.ExportUsage, exporting},
		{get, "/org/usage.xlsx", request.OrgRead, o.ExportUsageWorkbook, exporting},
		{get, "/org/usage.jsonl", request.OrgRead, o.ExportUsageLines, exporting},
		{get, "/org/usage/people", request.OrgRead, o.ShowPeopleUsage, costly},
		{get, "/org/usage/:id", request.OrgRead, o.ShowClusterUsage, costly},
		{get, "/org/log", request.OrgManage, o.ShowLog, costly},
		{get, "/org/log.jsonl", request.OrgManage, o.ExportLog, exporting},
		{post, "/org/announcements/:id/dismiss", request.OrgRead, o.DismissAnnouncement, ordinary},

		{get, "/org/images", request.OrgWork, o.ListImages, ordinary},
		{get, "/org/images/new", request.OrgWork, o.NewImage, ordinary},
		{get, "/org/images/:id", request.OrgWork, o.ShowImage, ordinary},
		{get, "/org/images/:id/delete", request.OrgWork, o.ConfirmDeleteImage, ordinary},
		{post, "/org/images/:id/delete", request.OrgWork, o.DeleteImage, ordinary},
		{get, "/org/uploads/:id", request.OrgWork, o.ShowUpload, ordinary},
		{post, "/org/uploads", request.OrgWork, o.CreateUpload, ordinary},
		{post, "/org/uploads/:id/discard", request.OrgWork, o.DiscardUpload, ordinary},
		{post, "/org/uploads/:id/bundle", request.OrgWork, o.CreateModelFromBundle, ordinary},
		{post, "/org/uploads/:id/retry", request.OrgWork, o.RetryUpload, ordinary},

		{get, "/org/tests/:id", request.OrgWork, o.ShowAcceptanceTest, ordinary},
		{post, "/org/tests/:id/cancel", request.OrgWork, o.CancelAcceptanceTest, ordinary},

		{get, "/org/requests", request.OrgWork, o.ListRequests, ordinary},
		{get, "/org/requests/:id", request.OrgWork, o.ShowRequest, ordinary},
		{post, "/org/requests/:id/approve", request.OrgManage, o.ApproveRequest, ordinary},
		{post, "/org/requests/:id/decline", request.OrgManage, o.DeclineRequest, ordinary},
		{post, "/org/requests/:id/withdraw", request.OrgWork, o.WithdrawRequest, ordinary},

		{get, "/org/members", request.OrgRead, o.ListMembers, ordinary},
		{post, "/org/members/:id/role", request.OrgOwn, o.UpdateMember, lasting},
		{post, "/org/members/:id/remove", request.OrgOwn, o.DeleteMember, lasting},
		{post, "/org/members/:id/cap", request.OrgManage, o.UpdateCap, ordinary},
		{get, "/org/invitations", request.OrgManage, o.ListInvitations, ordinary},
		{post, "/org/invitations", request.OrgManage, o.CreateInvitation, lasting},
		{post, "/org/invitations/:id/resend", request.OrgManage, o.ResendInvitation, lasting},
		{post, "/org/invitations/:id/revoke", request.OrgManage, o.RevokeInvitation, ordinary},
		{post, "/org/leave", request.OrgBelong, o.Leave, ordinary},
	}
}

// modelRoutes are those of model clusters, an organization's own and what others share with it.
func modelRoutes(o org.Handlers) []route {
	return []route{
		{get, "/org/models", request.OrgWork, o.ListModelClusters, ordinary},
		{post, "/org/models", request.OrgWork, o.CreateModelCluster, ordinary},
		{get, "/org/models/new", request.OrgWork, o.NewModelCluster, ordinary},
		{get, "/org/models/:id", request.OrgWork, o.ShowModelCluster, ordinary},
		{post, "/org/models/:id/share", request.OrgManage, o.ShareModelCluster, ordinary},
		{post, "/org/models/:id/share/withdraw", request.OrgManage, o.UnshareModelCluster, ordinary},
		{get, "/org/shared-models", request.OrgWork, o.ListSharedModels, ordinary},
		{get, "/org/shared-models/:id", request.OrgWork, o.ShowSharedModel, ordinary},
		{post, "/org/shared-models/:id/clone", request.OrgWork, o.CloneSharedModel, ordinary},
		{get, "/org/models/:id/versions/new", request.OrgWork, o.NewVersion, ordinary},
		{post, "/org/models/:id/versions", request.OrgWork, o.CreateVersion, ordinary},
		{get, "/org/versions/:id", request.OrgWork, o.ShowVersion, ordinary},
		{post, "/org/versions/:id", request.OrgWork, o.UpdateVersion, ordinary},
		{get, "/org/versions/:id/edit", request.OrgWork, o.EditVersion, ordinary},
		{get, "/org/versions/:id/cluster.yaml", request.OrgWork, o.DownloadVersion, ordinary},
		{get, "/org/versions/:id/bundle.tar", request.OrgWork, o.DownloadBundle, bundling},
		{get, "/org/versions/:id/compare", request.OrgWork, o.CompareVersion, ordinary},
		{post, "/org/versions/:id/publish", request.OrgWork, o.PublishVersion, ordinary},
		{get, "/org/versions/:id/withdraw", request.OrgWork, o.ConfirmWithdrawVersion, ordinary},
		{post, "/org/versions/:id/withdraw", request.OrgWork, o.WithdrawVersion, ordinary},
		{post, "/org/versions/:id/restore", request.OrgWork, o.RestoreVersion, ordinary},
		{post, "/org/versions/:id/test", request.OrgWork, o.CreateAcceptanceTest, ordinary},
	}
}

// clusterRoutes are what an organization does with its clusters.
func clusterRoutes(o org.Handlers) []route {
	return []route{
		{get, "/org/clusters", request.OrgWork, o.ListClusters, ordinary},
		{post, "/org/clusters", request.OrgWork, o.CreateCluster, ordinary},
		{get, "/org/clusters/new", request.OrgWork, o.NewCluster, costly},
		{get, "/org/clusters/:id", request.OrgWork, o.ShowCluster, ordinary},
		{get, "/org/clusters/:id/tasks", request.OrgWork, o.ListTasks, ordinary},
		{post, "/org/clusters/:id/stop", request.OrgWork, o.StopCluster, ordinary},
		{post, "/org/clusters/:id/start", request.OrgWork, o.StartCluster, ordinary},
		{post, "/org/clusters/:id/extend", request.OrgWork, o.ExtendCluster, ordinary},
		{post, "/org/clusters/:id/lease", request.OrgWork, o.UpdateLease, ordinary},
		{get, "/org/clusters/:id/scale", request.OrgWork, o.NewScale, ordinary},
		{post, "/org/clusters/:id/scale", request.OrgWork, o.ScaleCluster, ordinary},
		{post, "/org/clusters/:id/drain", request.OrgWork, o.AnswerDrain, ordinary},
		{get, "/org/clusters/:id/delete", request.OrgWork, o.ConfirmDeleteCluster, ordinary},
		{post, "/org/clusters/:id/delete", request.OrgWork, o.DeleteCluster, lasting},
		{post, "/org/clusters/:id/consent", request.OrgWork, o.CreateConsoleConsent, ordinary},
		{post, "/org/clusters/:id/consent/withdraw", request.OrgWork, o.DeleteConsoleConsent, ordinary},
		{get, "/org/clusters/:id/nodes/:node/console", request.OrgConsole, o.ShowConsole, asking},
		{get, "/org/clusters/:id/nodes/:node/console.log", request.OrgConsole, o.ShowConsoleLog, asking},
		{post, "/org/clusters/:id/nodes/:node/console/ticket", request.OrgConsole, o.CreateConsoleTicket, ordinary},
		{get, "/org/clusters/:id/nodes/:node/console/ws", request.OrgConsole, o.ConsoleSocket, opening},
	}
}

// joiningRoutes are those of people who have no account yet, or cannot get into it.
func joiningRoutes(p public.Handlers) []route {
	return []route{
		{get, "/sign-up", request.Anyone, p.NewSignUp, ordinary},
		{post, "/sign-up", request.Anyone, p.CreateSignUp, hashing},
		{post, "/sign-up/resend", request.Anyone, p.ResendConfirmation, hashing},
		{get, "/confirm", request.Anyone, p.ShowConfirmation, ordinary},
		{post, "/confirm", request.Anyone, p.Confirm, hashing},
		{get, "/confirm-email", request.Anyone, p.ShowEmailConfirmation, ordinary},
		{post, "/confirm-email", request.Anyone, p.ConfirmEmail, hashing},
		{get, "/reset", request.Anyone, p.NewReset, ordinary},
		{post, "/reset", request.Anyone, p.CreateReset, hashing},
		{get, "/reset/choose", request.Anyone, p.EditPassword, ordinary},
		{post, "/reset/choose", request.Anyone, p.UpdatePassword, hashing},
		{get, "/invitations/:token", request.Anyone, p.ShowInvitation, ordinary},
		{post, "/invitations/:token", request.Anyone, p.AcceptInvitation, hashing},
		{get, "/roles", request.Anyone, p.ShowRoles, ordinary},
	}
}

// accountRoutes are those of a person about themselves.
func accountRoutes(a account.Handlers) []route {
	return []route{
		{get, "/account", request.SignedIn, a.ShowAccount, ordinary},
		{post, "/account", request.SignedIn, a.UpdateAccount, ordinary},
		{post, "/account/email", request.SignedIn, a.UpdateEmail, hashing},
		{get, "/account/password", request.SignedIn, a.EditPassword, ordinary},
		{post, "/account/password", request.SignedIn, a.UpdatePassword, hashing},
		{get, "/account/mails", request.SignedIn, a.EditMails, ordinary},
		{post, "/account/mails", request.SignedIn, a.UpdateMails, ordinary},
		{get, "/account/organizations/new", request.SignedIn, a.NewOrganization, ordinary},
		{post, "/account/organizations", request.SignedIn, a.CreateOrganization, ordinary},
		{get, "/account/ssh-keys", request.SignedIn, a.ListSSHKeys, ordinary},
		{post, "/account/ssh-keys", request.SignedIn, a.CreateSSHKey, lasting},
		{post, "/account/ssh-keys/:id/delete", request.SignedIn, a.DeleteSSHKey, ordinary},
		{get, "/account/sessions", request.SignedIn, a.ListSessions, ordinary},
		{get, "/account/sign-ins", request.SignedIn, a.ListSignIns, ordinary},
		{post, "/account/sessions/:id/end", request.SignedIn, a.DeleteSession, ordinary},
		{get, "/provider-application", request.SignedIn, a.ShowApplication, ordinary},
		{post, "/provider-application", request.SignedIn, a.CreateApplication, ordinary},
		{post, "/account/sessions/end-others", request.SignedIn, a.DeleteOtherSessions, ordinary},
	}
}

// platformRoutes are those of the platform's admins.
func platformRoutes(f platform.Handlers) []route {
	return []route{
		{get, "/platform", request.Platform, f.ShowOverview, costly},
		{get, "/platform/organizations", request.Platform, f.ListOrganizations, ordinary},
		{get, "/platform/organizations/:id", request.Platform, f.ShowOrganization, ordinary},
		{post, "/platform/organizations/:id/suspend", request.Platform, f.SuspendOrganization, ordinary},
		{post, "/platform/organizations/:id/lift", request.Platform, f.LiftOrganization, ordinary},
		{post, "/platform/organizations/:id/quota", request.Platform, f.SetQuota, ordinary},
		{post, "/platform/organizations/:id/starters", request.Platform, f.SetStarters, ordinary},
		{get, "/platform/people", request.Platform, f.ListPeople, ordinary},
		{get, "/platform/people/:id", request.Platform, f.ShowPerson, ordinary},
		{post, "/platform/people/:id/suspend", request.Platform, f.SuspendPerson, ordinary},
		{post, "/platform/people/:id/lift", request.Platform, f.LiftPerson, ordinary},
		{post, "/platform/people/:id/admin", request.Platform, f.MakeAdmin, lasting},
		{post, "/platform/people/:id/no-admin", request.Platform, f.UnmakeAdmin, lasting},
		{post, "/platform/people/:id/auditor", request.Platform, f.MakeAuditor, lasting},
		{post, "/platform/people/:id/no-auditor", request.Platform, f.UnmakeAuditor, lasting},
		{get, "/platform/providers", request.Platform, f.ListProviders, ordinary},
		{get, "/platform/providers/:id", request.Platform, f.ShowProvider, ordinary},
		{post, "/platform/providers/:id/approve", request.Platform, f.ApproveProvider, lasting},
		{post, "/platform/providers/:id/reject", request.Platform, f.RejectProvider, ordinary},
		{post, "/platform/providers/:id/suspend", request.Platform, f.SuspendProvider, ordinary},
		{post, "/platform/providers/:id/lift", request.Platform, f.LiftProvider, ordinary},
		{get, "/platform/certificates", request.Platform, f.ListCertificateKeys, ordinary},
		{post, "/platform/certificates/retire", request.Platform, f.RetireCertificateKey, lasting},
		{post, "/platform/certificates/revoke", request.Platform, f.RevokeCertificateKey, lasting},
		{get, "/platform/jobs", request.Platform, f.ListJobs, ordinary},
		{post, "/platform/jobs/:id/retry", request.Platform, f.RetryJob, ordinary},
		{post, "/platform/jobs/:id/cancel", request.Platform, f.CancelJob, ordinary},
		{get, "/platform/log", request.Platform, f.ShowLog, costly},
		{get, "/platform/log.jsonl", request.Platform, f.ExportLog, exporting},
		{get, "/platform/outbox", request.Platform, f.ListMails, ordinary},
		{get, "/platform/outbox/:id", request.Platform, f.ShowMail, ordinary},
		{post, "/platform/outbox/:id/send", request.Platform, f.SendMail, ordinary},
	}
}
