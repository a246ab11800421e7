package handlers

import (
	"slices"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/org"
	"volary.dev/handlers/provider"
	"volary.dev/handlers/public"
	"volary.dev/handlers/request"
)

// route is one row of the portal's table of contents. Who has a permission is said in request/policy.go.
type route struct {
	method  string
	path    string
	may     request.Permission
	handler echo.HandlerFunc
	guard   guard // what bounds it; the zero value suits pages and forms
}

// guard is how a route is bounded.
type guard int

const (
	ordinary guard = iota
	lasting        // streams, uploads and exports: no limit of time, none of the body
	costly         // ordinary, and throttled by address: passwords are hashed
	opening        // lasting, and throttled by person: consoles
)

const (
	get    = "GET"
	post   = "POST"
	head   = "HEAD"
	patch  = "PATCH"
	remove = "DELETE"
)

// routes is every route there is.
func routes(p public.Handlers, o org.Handlers, v provider.Handlers, uploads, static echo.HandlerFunc) []route {
	return append([]route{
		{get, "/", request.Anyone, p.Home, ordinary},
		{get, "/market", request.Anyone, p.ShowMarket, ordinary},
		{get, "/market/images", request.Anyone, p.ShowImageGuide, ordinary},
		{get, "/market/providers/:id", request.Anyone, p.ShowProvider, ordinary},
		{get, "/healthz", request.Anyone, p.ShowHealth, ordinary},
		{get, "/static/*", request.Anyone, static, ordinary},
		{get, "/sign-in", request.Anyone, p.NewSession, ordinary},
		{post, "/sign-in", request.Anyone, p.CreateSession, costly},
		{post, "/sign-out", request.SignedIn, p.DeleteSession, ordinary},
		{post, "/switch", request.SignedIn, p.SwitchWorkplace, ordinary},
		{get, "/workplaces", request.SignedIn, p.ShowWorkplaces, ordinary},

		{post, "/uploads/", request.OrgWork, uploads, lasting},
		{head, "/uploads/:id", request.OrgWork, uploads, lasting},
		{patch, "/uploads/:id", request.OrgWork, uploads, lasting},
		{remove, "/uploads/:id", request.OrgWork, uploads, lasting},
	}, slices.Concat(orgRoutes(o), providerRoutes(v))...)
}

// providerRoutes are those of a provider's staff.
func providerRoutes(v provider.Handlers) []route {
	return []route{
		{get, "/provider", request.ProviderRead, v.ShowOverview, ordinary},
		{get, "/provider/events", request.ProviderRead, v.ShowEvents, lasting},
		{get, "/provider/hosts", request.ProviderHosts, v.ListHosts, ordinary},
		{post, "/provider/hosts", request.ProviderHosts, v.CreateHost, ordinary},
		{get, "/provider/hosts/new", request.ProviderHosts, v.NewHost, ordinary},
		{get, "/provider/hosts/:id", request.ProviderHosts, v.ShowHost, ordinary},
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
		{get, "/provider/clusters/:id/nodes/:node/console", request.ProviderHosts, v.ShowConsole, ordinary},
		{get, "/provider/clusters/:id/nodes/:node/console.log", request.ProviderHosts, v.ShowConsoleLog, lasting},
		{post, "/provider/clusters/:id/nodes/:node/console/ticket", request.ProviderHosts, v.CreateConsoleTicket, ordinary},
		{get, "/provider/clusters/:id/nodes/:node/console/ws", request.ProviderHosts, v.ConsoleSocket, opening},
		{get, "/provider/announcements", request.ProviderNotify, v.ListAnnouncements, ordinary},
		{post, "/provider/announcements", request.ProviderNotify, v.CreateAnnouncement, ordinary},
		{get, "/provider/announcements/new", request.ProviderNotify, v.NewAnnouncement, ordinary},
		{post, "/provider/announcements/:id/end", request.ProviderNotify, v.EndAnnouncement, ordinary},
		{get, "/provider/log", request.ProviderOwn, v.ShowLog, ordinary},
		{get, "/provider/organizations", request.ProviderRead, v.ListOrganizations, ordinary},
		{get, "/provider/organizations/:id", request.ProviderRead, v.ShowOrganization, ordinary},
		{get, "/provider/usage", request.ProviderUsage, v.ShowUsage, ordinary},
		{get, "/provider/usage.csv", request.ProviderUsage, v.ExportUsage, lasting},
	}
}

// orgRoutes are those of an organization's members.
func orgRoutes(o org.Handlers) []route {
	return []route{
		{get, "/org", request.OrgRead, o.ShowHome, ordinary},
		{get, "/org/usage", request.OrgRead, o.ShowUsage, ordinary},
		{get, "/org/events", request.OrgRead, o.ShowEvents, lasting},

		{get, "/org/images", request.OrgWork, o.ListImages, ordinary},
		{get, "/org/images/new", request.OrgWork, o.NewImage, ordinary},
		{get, "/org/images/:id", request.OrgWork, o.ShowImage, ordinary},

		{get, "/org/models", request.OrgWork, o.ListModelClusters, ordinary},
		{post, "/org/models", request.OrgWork, o.CreateModelCluster, ordinary},
		{get, "/org/models/new", request.OrgWork, o.NewModelCluster, ordinary},
		{get, "/org/models/:id", request.OrgWork, o.ShowModelCluster, ordinary},
		{get, "/org/models/:id/versions/new", request.OrgWork, o.NewVersion, ordinary},
		{post, "/org/models/:id/versions", request.OrgWork, o.CreateVersion, ordinary},
		{get, "/org/versions/:id", request.OrgWork, o.ShowVersion, ordinary},
		{post, "/org/versions/:id", request.OrgWork, o.UpdateVersion, ordinary},
		{get, "/org/versions/:id/edit", request.OrgWork, o.EditVersion, ordinary},
		{post, "/org/versions/:id/publish", request.OrgWork, o.PublishVersion, ordinary},
		{post, "/org/versions/:id/test", request.OrgWork, o.CreateAcceptanceTest, ordinary},
		{get, "/org/tests/:id", request.OrgWork, o.ShowAcceptanceTest, ordinary},

		{get, "/org/clusters", request.OrgWork, o.ListClusters, ordinary},
		{post, "/org/clusters", request.OrgWork, o.CreateCluster, ordinary},
		{get, "/org/clusters/new", request.OrgWork, o.NewCluster, ordinary},
		{get, "/org/clusters/:id", request.OrgWork, o.ShowCluster, ordinary},
		{post, "/org/clusters/:id/stop", request.OrgWork, o.StopCluster, ordinary},
		{post, "/org/clusters/:id/start", request.OrgWork, o.StartCluster, ordinary},
		{post, "/org/clusters/:id/extend", request.OrgWork, o.ExtendCluster, ordinary},
		{get, "/org/clusters/:id/delete", request.OrgWork, o.ConfirmDeleteCluster, ordinary},
		{post, "/org/clusters/:id/delete", request.OrgWork, o.DeleteCluster, ordinary},
		{get, "/org/log", request.OrgManage, o.ShowLog, ordinary},
		{post, "/org/announcements/:id/dismiss", request.OrgRead, o.DismissAnnouncement, ordinary},
		{post, "/org/clusters/:id/consent", request.OrgWork, o.CreateConsoleConsent, ordinary},
		{post, "/org/clusters/:id/consent/withdraw", request.OrgWork, o.DeleteConsoleConsent, ordinary},
		{get, "/org/clusters/:id/nodes/:node/console", request.OrgWork, o.ShowConsole, ordinary},
		{get, "/org/clusters/:id/nodes/:node/console.log", request.OrgWork, o.ShowConsoleLog, lasting},
		{post, "/org/clusters/:id/nodes/:node/console/ticket", request.OrgWork, o.CreateConsoleTicket, ordinary},
		{get, "/org/clusters/:id/nodes/:node/console/ws", request.OrgWork, o.ConsoleSocket, opening},

		{get, "/org/requests", request.OrgWork, o.ListRequests, ordinary},
		{get, "/org/requests/:id", request.OrgWork, o.ShowRequest, ordinary},
		{post, "/org/requests/:id/approve", request.OrgManage, o.ApproveRequest, ordinary},
		{post, "/org/requests/:id/decline", request.OrgManage, o.DeclineRequest, ordinary},
		{post, "/org/requests/:id/withdraw", request.OrgWork, o.WithdrawRequest, ordinary},

		{get, "/org/ssh-keys", request.OrgWork, o.ListSSHKeys, ordinary},
		{post, "/org/ssh-keys", request.OrgWork, o.CreateSSHKey, ordinary},
		{post, "/org/ssh-keys/:id/delete", request.OrgWork, o.DeleteSSHKey, ordinary},
	}
}
