package org

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/machines"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// How a lease ends, as forms say it in the field lease. One that is not said ends after hours.
const (
	leaseHours   = "hours"
	leaseUntil   = "until"
	leaseStopped = "stopped"
)

// UpdateLease changes whether a running lease extends itself, and what becomes of the cluster at its end.
func (h Handlers) UpdateLease(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	var t machines.LeaseTerms
	t.UntilStopped = f.Choice("until_stopped", "whether the lease extends itself", "yes", "no") == "yes"
	readEnd(f, &t)
	if r := f.Refusal(); r != nil {
		return h.clusterAgain(c, r)
	}
	orgID, personID := where(c)
	err = h.Machines.SetLeaseTerms(c.Request().Context(), orgID, personID, id, t)
	if r, ok := respond.AsForm(err); ok {
		return h.clusterAgain(c, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, clusterPath(id), "Saved. It counts for this lease.")
}

// readLease reads how a lease is to end: after so many seconds, or as the terms say. Dates are meant in the zone.
func readLease(f *request.Form, zone *time.Location) (seconds int64, t machines.LeaseTerms) {
	switch f.Typed("lease") {
	case leaseUntil:
		if until := f.UntilIn("lease_until", "the lease's end", zone); !until.IsZero() {
			t.Until = &until
		}
	case leaseStopped:
		t.UntilStopped = true
	case leaseHours, "":
		seconds = int64(f.Hours("lease_hours", "the lease") / time.Second)
	default:
		f.Wrong("lease", "Choose how the lease ends.")
	}
	readEnd(f, &t)
	return seconds, t
}

// readEnd reads what becomes of the cluster at its lease's end, as far as it is said.
func readEnd(f *request.Form, t *machines.LeaseTerms) {
	if f.Has("at_end") {
		t.AtEnd = machines.AtEnd(f.Choice("at_end", "what becomes of the disks", string(machines.AtEndKeep), string(machines.AtEndDelete)))
	}
	if t.AtEnd != machines.AtEndDelete && f.Has("keep_days") {
		t.KeepDays = f.Int("keep_days", "the days for which disks are kept", 1, 365)
	}
}

// leaseField is the field in which the lease's end was said. Where none of the choices was taken it is the choice, whose own fault would
// otherwise share a field with what follows from it.
func leaseField(f *request.Form) string {
	switch f.Typed("lease") {
	case leaseUntil:
		return "lease_until"
	case leaseHours, "":
		return "lease_hours"
	default:
		return "lease"
	}
}

func leaseValues(f *request.Form) web.LeaseValues {
	return web.LeaseValues{
		Lease: f.Typed("lease"), Hours: f.Typed("lease_hours"), Until: f.Typed("lease_until"), AtEnd: f.Typed("at_end"), KeepDays: f.Typed("keep_days"),
	}
}

// launchZone is the zone in which a launch's date is meant: of the chosen pool's provider, where a date is asked for.
func (h Handlers) launchZone(c echo.Context, f *request.Form) (*time.Location, error) {
	if f.Typed("lease") != leaseUntil {
		return time.UTC, nil
	}
	var zone *time.Location
	pool, err := uuid.Parse(f.Typed("pool"))
	if err == nil {
		zone, err = h.Machines.PoolZone(c.Request().Context(), pool)
		if _, refused := refusal.As(err); err != nil && !refused {
			return nil, err
		}
	}
	if err != nil { // which is said of the pool
		zone = time.UTC
	}
	return zone, nil
}

// zoneOf is the zone in which dates of a cluster's lease are meant.
func zoneOf(d machines.ClusterDetail) *time.Location { return zoneNamed(d.Zone) }

func zoneNamed(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

// leaseProps is what a cluster's page says of its lease beside the time that is left.
func leaseProps(c echo.Context, d machines.ClusterDetail) web.LeaseTerms {
	typedOr := func(field, otherwise string) string {
		if c.Request().PostForm.Has(field) {
			return c.Request().PostForm.Get(field)
		}
		return otherwise
	}
	yes := map[bool]string{true: "yes", false: "no"}
	return web.LeaseTerms{
		UntilStopped: d.UntilStopped, Stays: d.LeaseStays, Delete: d.AtEnd == machines.AtEndDelete, KeepDays: d.KeepDays, Kept: page.Time(d.KeptUntil), Until: page.Time(d.Until),
		Zone: zoneOf(d), MostHours: d.MaxLeaseHours, MostDays: d.KeptDaysMost,
		Values: web.LeaseValues{
			Lease: typedOr("lease", leaseUntil), Until: typedOr("lease_until", ""), AtEnd: typedOr("at_end", string(d.AtEnd)), KeepDays: typedOr("keep_days", strconv.Itoa(d.KeepDays)),
			Extend: typedOr("extend_until", ""), UntilStopped: typedOr("until_stopped", yes[d.UntilStopped]),
		},
	}
}

// quoteLease says how a lease ends that is about to be launched, what is set aside for it, and what is kept after it.
func quoteLease(q machines.QuoteLease) string {
	if q.Seconds <= 0 || q.DiskGiB == 0 { // it was refused before that was known
		return ""
	}
	length := ui.Duration(time.Duration(q.Seconds) * time.Second)
	var ends string
	switch {
	case q.UntilStopped:
		ends = fmt.Sprintf("It ends when you stop it. Hours for %s are set aside now, and while it runs an hour ahead, each time for one hour more. "+
			"Where hours do not last, or after %s, it ends when what is set aside does, and you are warned.", length, ui.Duration(time.Duration(q.MaxLeaseHours)*time.Hour))
	case q.Until != nil:
		ends = fmt.Sprintf("It ends at %s, whenever it begins. Hours for %s are set aside now; what passes before every node is ready comes back.", ui.Clock(*q.Until, zoneNamed(q.Zone)), length)
	default:
		ends = fmt.Sprintf("It ends %s after every node is ready.", length)
	}
	if q.AtEnd == machines.AtEndDelete {
		return ends + " Then it is deleted, with its disks."
	}
	after := fmt.Sprintf(" Then it is stopped; its disks of %d GiB are kept for %s, free of charge, and deleted after that.", q.DiskGiB, ui.Plural(q.KeepDays, "day", "days"))
	if left := q.Kept.Left(); left != nil {
		after += fmt.Sprintf(" %s keeps at most %d GiB for your organization, of which %d GiB are left.", typed.Isolate(q.Kept.ProviderName), *q.Kept.GiB, *left)
	}
	return ends + after
}

// keptDisks is what providers keep of an organization's stopped clusters.
func keptDisks(list []machines.KeptDisks) []web.KeptDisks {
	rows := make([]web.KeptDisks, 0, len(list))
	for _, k := range list {
		rows = append(rows, web.KeptDisks{Provider: k.ProviderName, Clusters: k.Clusters, GiB: k.Lying, Promised: k.Promised, Most: k.GiB})
	}
	return rows
}
