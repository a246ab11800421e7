package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// ofNobody are the routes with an id that belong to no organization or provider, and why others are let in.
func ofNobody() map[string]string {
	return map[string]string{
		"/market/providers/":  "active providers are public",
		"/certificates/":      "whoever has the address was given it",
		"/invitations/:token": "whoever has the token was given it",
		"/platform/":          "the platform's admins look after everybody",
		"/account/ssh-keys/":  "a person's own; see alone",
		"/account/sessions/":  "a person's own; see alone",
	}
}

// alone are the routes whose id is one person's: everybody else gets 404, their colleagues too.
func alone() map[string]who {
	return map[string]who{
		"POST /account/ssh-keys/:id/delete": handlertest.Member,
		"POST /account/sessions/:id/end":    handlertest.Member,
		"POST /org/requests/:id/withdraw":   handlertest.Member,
	}
}

// TestEveryIDIsOwned fails for a route with an id that the matrix does not try as somebody to whom it does not belong.
func TestEveryIDIsOwned(t *testing.T) {
	for _, r := range matrix() {
		_, pattern, _ := strings.Cut(r.route, " ")
		exempt := alone()[r.route] != ""
		for prefix := range ofNobody() {
			exempt = exempt || strings.HasPrefix(pattern, prefix)
		}
		if strings.Contains(pattern, ":") && !r.owned && !exempt {
			t.Errorf("%s names something of somebody, and nobody else tries it", r.route)
		}
	}
}

// others is a request for what belongs to somebody else, by an id in the form, the query or the second place of a path.
type others struct {
	name, as string
	path     string
	form     url.Values // nil: a GET
	status   int        // 0: 404 or 422
}

func othersIDs(a *handlertest.App, w *handlertest.World, paths func(string) string) []others {
	second, _ := a.Launch(w, "other", 0)
	console := "/nodes/" + strings.Split(paths("/:node"), "/")[1] + "/console"
	launch := url.Values{"name": {"mine"}, "version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"0"}, "lease_hours": {"1"}}
	host := url.Values{"pool": {w.Pool.String()}, "name": {"mine"}, "scheme": {"tls"}, "address": {"host.example"}, "underlay": {"192.0.2.77"}}
	offer := url.Values{"name": {"mine"}, "pool": {w.Pool.String()}, "least_hours": {"1"}, "good_days": {"10"}, "price": {"1"}}
	grant := url.Values{"organization": {"First Group"}, "pool": {w.Pool.String()}, "hours": {"1"}, "purpose": {"teaching"}, "until": {"2099-01-01"}}
	announcement := url.Values{"pool": {w.Pool.String()}, "title": {"Mine"}, "text": {"Mine"}, "tone": {"note"}}
	return []others{
		{"launch a version", handlertest.OtherOwner, "/org/clusters", launch, 0},
		{"ask what it would take", handlertest.OtherOwner, "/org/clusters/new?" + launch.Encode(), nil, 200},
		{"add a host to a pool", handlertest.OtherAdmin, "/provider/hosts", host, 0},
		{"hosts of a pool", handlertest.OtherAdmin, "/provider/hosts?pool=" + w.Pool.String(), nil, 200},
		{"clusters of an organization", handlertest.OtherAdmin, "/provider/clusters?organization=" + w.Organization.String(), nil, 200},
		{"clusters of a pool", handlertest.OtherAdmin, "/provider/clusters?pool=" + w.Pool.String(), nil, 200},
		{"sell hours on a pool", handlertest.OtherAdmin, "/provider/offers", offer, 0},
		{"grant hours on a pool", handlertest.OtherAdmin, "/provider/grants", grant, 0},
		{"announce for a pool", handlertest.OtherAdmin, "/provider/announcements", announcement, 0},
		{"work for an organization", handlertest.OtherOwner, "/switch", url.Values{"to": {"org:" + w.Organization.String()}}, http.StatusNotFound},
		{"work for a provider", handlertest.OtherAdmin, "/switch", url.Values{"to": {"provider:" + w.North.String()}}, http.StatusNotFound},
		{"a node of another cluster", handlertest.Owner, "/org/clusters/" + second.String() + console, nil, http.StatusNotFound},
		{"a node of another cluster, as staff", handlertest.Operator, "/provider/clusters/" + second.String() + console, nil, http.StatusNotFound},
	}
}

// TestOthersIDs names what belongs to somebody else where a path's first id does not: nothing is made of it, and nothing
// of it is told.
func TestOthersIDs(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	paths := worldPaths(a, w)
	browsers := map[string]*handlertest.Browser{}
	for _, p := range []string{handlertest.OtherOwner, handlertest.OtherAdmin, handlertest.Owner, handlertest.Operator} {
		browsers[p] = a.SignIn(p)
	}
	model := browsers[handlertest.OtherOwner].Post("/org/models", url.Values{"name": {"mine"}})
	if model.Status != http.StatusSeeOther {
		t.Fatalf("a model cluster: %d", model.Status)
	}
	version := url.Values{"version": {"1"}, "group_0_name": {"compute"}, "group_0_same_gate": {"1"}, "group_0_least": {"0"}, "group_0_most": {"1"}, "head_gate_kind": {"address"}, "head_gate_timeout": {"60"}}
	for _, role := range []string{"head", "group_0"} {
		for field, value := range map[string]string{"image": w.Image.String(), "vcpus": "1", "memory_mib": "256", "disk_gib": "2"} {
			version.Set(role+"_"+field, value)
		}
	}
	list := append(othersIDs(a, w, paths), others{
		"describe nodes by an image", handlertest.OtherOwner, strings.TrimSuffix(model.Header.Get("Location"), "/new"), version, 0,
	})
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			before, method := countRows(t, a), http.MethodPost
			if c.form == nil {
				method = http.MethodGet
			}
			got := browsers[c.as].Do(method, c.path, c.form, nil)
			switch {
			case c.status != 0 && got.Status != c.status, c.status == 0 && got.Status != http.StatusNotFound && got.Status != http.StatusUnprocessableEntity:
				t.Errorf("%d", got.Status)
			}
			for _, theirs := range []string{">trial", "sample.qcow2", ">host-1<", ">first<"} {
				if strings.Contains(got.Body, theirs) {
					t.Errorf("the answer tells of %q", theirs)
				}
			}
			if after := countRows(t, a); after != before {
				t.Errorf("rows before:\n%s\nand after:\n%s", before, after)
			}
		})
	}
}
