package org

import (
	"time"

	"volary.dev/handlers/respond"
	"volary.dev/store/machines"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner"
	"volary.dev/store"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// looksShown is how many of the last looks at consoles a cluster's page names.
const looksShown = 10

// CreateConsoleConsent lets the provider's staff see the consoles of a cluster for some hours.
func (h Handlers) CreateConsoleConsent(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	lasts := f.Duration("consent_hours", "how long", 6*time.Minute, 30*24*time.Hour)
	r := f.Refusal()
	if r == nil {
		orgID, personID := where(c)
		err = h.Machines.ConsentToConsole(c.Request().Context(), orgID, personID, id, lasts)
		r, _ = respond.AsForm(err)
	}
	switch {
	case r != nil:
		return h.clusterAgain(c, renamed(r, map[string]string{"hours": "consent_hours"}))
	case err != nil:
		return err
	}
	return h.Frame.Done(c, clusterPath(id)+"#staff", "Staff may see the consoles of this cluster for "+ui.Duration(lasts)+", until the time below.")
}

// DeleteConsoleConsent takes the consent back.
func (h Handlers) DeleteConsoleConsent(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	if err := h.Machines.WithdrawConsoleConsent(c.Request().Context(), orgID, personID, id); err != nil {
		return err
	}
	return h.Frame.Done(c, clusterPath(id)+"#staff", "Staff no longer see the consoles of this cluster.")
}

// staffLooks is what of a cluster staff may see, and what they have looked at.
func (h Handlers) staffLooks(c echo.Context, d machines.ClusterDetail) (web.StaffLooks, error) {
	orgID, _ := where(c)
	ctx := c.Request().Context()
	s := web.StaffLooks{MayConsent: mayWork(c) && d.State != provisioner.ClusterGone, Hours: "2"}
	if form := c.Request().PostForm; form.Has("consent_hours") {
		s.Hours = form.Get("consent_hours")
	}
	consent, err := h.Machines.ConsoleConsent(ctx, orgID, d.ID)
	if err != nil {
		return s, err
	}
	if consent != nil {
		s.By, s.Until = consent.PersonName, consent.UntilAt
	}
	looks, err := h.Machines.ConsoleLooks(ctx, orgID, d.ID, store.Page{Limit: looksShown})
	for _, l := range looks {
		s.Looks = append(s.Looks, web.StaffLook{At: l.At, Person: l.PersonName, Node: l.NodeName, Log: l.Part == "log"})
	}
	return s, err
}
