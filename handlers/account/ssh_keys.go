package account

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	web "volary.dev/web/account"
	"volary.dev/web/ui"
)

// ListSSHKeys shows the signed-in person's keys and the form for another.
func (h Handlers) ListSSHKeys(c echo.Context) error {
	return h.keysPage(c, http.StatusOK, web.SSHKeyListProps{})
}

// CreateSSHKey adds a public key to the person.
func (h Handlers) CreateSSHKey(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	name, line := f.Text("name", "a name", 1, 80), f.Lines("public_key", "the key", 8192)
	if strings.TrimSpace(line) == "" {
		f.Wrong("public_key", "Paste the public key: one line that begins with its kind, like ssh-ed25519.")
	}
	p := web.SSHKeyListProps{Name: f.Typed("name"), Line: f.Typed("public_key")}
	if r := f.Refusal(); r != nil {
		return h.keysAgain(c, p, r)
	}
	personID := request.Session(c).PersonID
	_, err = h.People.AddSSHKey(c.Request().Context(), personID, name, line)
	if r, ok := respond.AsForm(err); ok {
		return h.keysAgain(c, p, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/account/ssh-keys", "The key is added. Clusters that are launched or started from now on take it; those that run take it where their members have logins.")
}

// DeleteSSHKey removes a key from the person.
func (h Handlers) DeleteSSHKey(c echo.Context) error {
	id, err := request.ID(c, "id", "SSH key")
	if err != nil {
		return err
	}
	personID := request.Session(c).PersonID
	if err := h.People.DeleteSSHKey(c.Request().Context(), personID, id); err != nil {
		return err
	}
	return h.Frame.Done(c, "/account/ssh-keys", "The key is removed, and taken out of running nodes within a minute. Where it still opens one is said below.")
}

func (h Handlers) keysAgain(c echo.Context, p web.SSHKeyListProps, r *refusal.Error) error {
	p.Form = ui.Form{Refusal: r}
	return h.keysPage(c, respond.Status(r.Code), p)
}

func (h Handlers) keysPage(c echo.Context, status int, p web.SSHKeyListProps) error {
	personID := request.Session(c).PersonID
	l := request.ParseList(c, "name", "created")
	p.Search = l.Query.Get("search")
	keys, total, err := h.People.SSHKeys(c.Request().Context(), personID, people.SSHKeyFilter{Search: p.Search, Sorting: l.Sorting, Page: l.Page()})
	if err != nil {
		return err
	}
	p.Layout, p.List = h.layout(c), page.List(l, total)
	open, err := h.Machines.KeysOpening(c.Request().Context(), personID)
	if err != nil {
		return err
	}
	opens := endedKeys(&p, open)
	for _, k := range keys {
		kind, _, _ := strings.Cut(k.PublicKey, " ")
		p.Keys = append(p.Keys, web.SSHKeyRow{
			ID: k.ID, Name: k.Name, Kind: kind, Fingerprint: k.Fingerprint, Created: k.CreatedAt, Opens: opens[k.Fingerprint],
		})
	}
	return page.Render(c, status, web.SSHKeyList(p))
}

// endedKeys gives what each key opens by its right, and puts those that open without one on the page.
func endedKeys(p *web.SSHKeyListProps, open []machines.OpenKey) map[string][]string {
	opens, ended := map[string][]string{}, map[string]int{}
	for _, k := range open {
		if !k.Opens() {
			continue
		}
		place := k.ClusterName + " of " + k.OrganizationName
		if k.Taken > 0 && (k.Ended != "" || !k.Logins) {
			place += fmt.Sprintf(", %d of %s", k.Nodes-k.Taken, ui.Plural(k.Nodes, "node", "nodes"))
		}
		if k.Ended == "" {
			opens[k.Fingerprint] = append(opens[k.Fingerprint], place)
			continue
		}
		at, there := ended[k.Fingerprint]
		if !there {
			at = len(p.Ended)
			ended[k.Fingerprint] = at
			p.Ended = append(p.Ended, web.EndedKeyRow{Name: k.KeyName, Fingerprint: k.Fingerprint})
		}
		p.Ended[at].Opens = append(p.Ended[at].Opens, place)
	}
	return opens
}
