package provider

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/books"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// ListGrants shows the hours that the provider gave without an order, and what is left of them.
func (h Handlers) ListGrants(c echo.Context) error {
	l, q := request.ParseList(c, "party", "bought", "left", "expires", "created"), request.ParseQuery(c)
	f := books.LotFilter{Page: l.Page(), Sort: l.Sorting, Kind: "granted", Open: q.Typed("open") == "1", Party: q.Typed("search")}
	lots, sum, err := h.Books.LotsOfProvider(c.Request().Context(), where(c), f)
	if err != nil {
		return err
	}
	p := web.GrantListProps{
		Layout: h.layout(c), List: page.List(l, sum.Count), Search: f.Party, Open: f.Open,
		Sum: web.GrantRow{Hours: int64(sum.Bought), Held: int64(sum.Held), Used: int64(sum.Used), Left: int64(sum.Available)},
	}
	for _, x := range lots {
		p.Grants = append(p.Grants, web.GrantRow{
			ID: x.ID, Organization: x.OrganizationName, Purpose: x.Purpose, Note: x.Note, Pool: x.PoolName, By: x.ByName, Given: x.CreatedAt,
			Expires: page.Time(x.ExpiresAt), Hours: int64(x.Bought), Held: int64(x.Held), Used: int64(x.Used), Left: int64(x.Available),
		})
	}
	return page.Render(c, http.StatusOK, web.GrantList(p))
}

// NewGrant shows the form of a grant; ?organization= fills in its name.
func (h Handlers) NewGrant(c echo.Context) error {
	return h.grantForm(c, web.GrantNewProps{Organization: request.ParseQuery(c).Typed("organization")}, nil)
}

// CreateGrant gives an organization hours for a purpose, with an end.
func (h Handlers) CreateGrant(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.GrantNewProps{
		Organization: f.Typed("organization"), Hours: f.Typed("hours"), Purpose: f.Typed("purpose"), Until: f.Typed("until"), Pool: f.Typed("pool"), Note: f.Typed("note"),
	}
	ctx := c.Request().Context()
	x, err := h.People.Provider(ctx, where(c))
	if err != nil {
		return err
	}
	zone, err := zoneOf(x)
	if err != nil {
		return err
	}
	name := f.Text("organization", "the organization", 2, 80)
	g := books.Grant{
		ProviderID: where(c), By: who(c), Hours: sales.Hours(f, "hours"), Purpose: f.Text("purpose", "the purpose", 1, 200),
		Note: strings.TrimSpace(f.Lines("note", "the note", 4000)), ExpiresAt: lastDay(f, zone),
	}
	if f.Has("pool") {
		g.PoolID = f.ID("pool", "one of your pools")
	}
	if r := f.Refusal(); r != nil {
		return h.grantForm(c, p, r)
	}
	if g.OrganizationID, err = h.People.OrganizationByName(ctx, name); err == nil {
		_, err = h.Books.GrantHours(ctx, g)
	}
	var r *refusal.Error
	switch {
	case err == nil:
		return h.Frame.Done(c, "/provider/grants", sales.HoursUnderstood(g.Hours)+" are in the wallet of "+typed.Isolate(name)+", good until the end of "+strings.TrimSpace(f.Typed("until"))+".")
	case errors.As(err, &r) && r.Code == "not_found":
		f.Wrong("organization", "There is no organization of this name: write it exactly as it does.")
		return h.grantForm(c, p, f.Refusal())
	case r != nil:
		return h.grantForm(c, p, renamed(r))
	default:
		return err
	}
}

// lastDay reads the last day of a grant: its end is that day's.
func lastDay(f *request.Form, zone *time.Location) *time.Time {
	if !f.Has("until") {
		f.Wrong("until", "Say until when the hours are good.")
		return nil
	}
	day, _ := f.Day("until")
	end := day.End(zone)
	return &end
}

// renamed calls the field of the store's expiry what the form calls it.
func renamed(r *refusal.Error) *refusal.Error {
	out := *r
	out.Fields = map[string]string{}
	for field, sentence := range r.Fields {
		if field == "expires" {
			field, sentence = "until", "This day has passed: choose one to come."
		}
		out.Fields[field] = sentence
	}
	return &out
}

func (h Handlers) grantForm(c echo.Context, p web.GrantNewProps, r *refusal.Error) error {
	x, err := h.People.Provider(c.Request().Context(), where(c))
	if err != nil {
		return err
	}
	if p.Pools, err = h.poolOptions(c); err != nil {
		return err
	}
	p.Layout, p.Zone = h.layout(c), x.AccountingZone
	status := http.StatusOK
	if r != nil {
		p.Form, status = ui.Form{Refusal: r}, respond.Status(r.Code)
	}
	return page.Render(c, status, web.GrantNew(p))
}
