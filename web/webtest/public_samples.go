package webtest

import (
	"net/url"
	"strings"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/web/layout"
	"volary.dev/web/org"
	"volary.dev/web/public"
	"volary.dev/web/ui"
)

func publicSamples() []Sample {
	bare := layout.Props{Area: layout.AreaPublic, Now: now(), Version: "v0.1.0"}
	people := []public.DemoUser{
		{Name: "Ada Brandt", Email: "ada@heliophysics.example", Password: "volary-demo", Does: "owner of Heliophysics"},
		{Name: "Bo Lindqvist", Email: "bo@heliophysics.example", Password: "volary-demo", Does: "reads its usage"},
		{Name: "Noor Vermeer", Email: "noor@northern.example", Password: "volary-demo", Does: "staff of Northern Compute"},
	}
	throttled := &refusal.Error{Code: "throttled", Title: "Too many attempts: 10 in the last 15 minutes.", Next: "Wait 12 minutes, then try again."}
	return []Sample{
		{"sign-in", public.SignIn(public.SignInProps{Layout: bare, Demo: people})},
		{"sign-in-throttled", public.SignIn(public.SignInProps{Layout: bare, Email: "ada@heliophysics.example", Form: ui.Form{Refusal: throttled}})},
		{"refusal", layout.Refusal(layout.RefusalProps{
			Layout: orgLayout(), Status: 409, RequestID: "01JD8Z4W3T", Back: "/org/clusters/new",
			Refusal: refusal.Error{Code: "capacity", Title: "5 nodes are asked for, 3 fit on pool lab-a.", Next: "Ask for 2 compute nodes, or choose another pool.", Detail: []string{"host-1: 4 vCPUs are needed, 2 of 8 are free", "host-2: cordoned", "host-3: takes head, compute-001, compute-002"}},
		})},
		{"password-again", layout.PasswordAgain(layout.PasswordAgainProps{
			Layout: accountLayout(), Path: "/account/ssh-keys", Typed: url.Values{"name": {"laptop"}, "public_key": {"ssh-ed25519 AAAA"}},
			Refusal: refusal.Error{
				Code: "password_again", Title: "Give your password once more.", Next: "What you are about to do lasts, and you gave your password more than ten minutes ago.",
				Fields: map[string]string{"password_again": "This is not your password."},
			},
		})},
		{"other-place", layout.OtherPlace(otherPlace(layout.Choice{Label: "Northern Compute", Value: "provider:1"}))},
		{"other-place-left", layout.OtherPlace(otherPlace(layout.Choice{}))},
		{"sent-otherwise", layout.SentOtherwise(layout.SentOtherwiseProps{
			Layout: orgLayout(), Path: "/org/orders", First: "/org/orders/1", Typed: orderTyped(),
			Refusal: refusal.Error{
				Code: "sent_otherwise", Title: "This form was sent already, at 15:12 UTC, and held something else.",
				Next: "What it held then was done, and nothing was done now. What you typed is kept on this page.",
			},
		})},
		{"elsewhere", layout.Elsewhere(layout.ElsewhereProps{
			Layout: orgLayout(), Status: 404, Owner: layout.Choice{Label: "Tidal Modelling Group", Value: "org:" + id(9).String()}, Next: "/org/clusters/" + id(40).String(),
		})},
		{"signed-out", layout.SignedOut(layout.SignedOutProps{Layout: bare, Path: "/org/models", Typed: url.Values{"name": {"mpi-lab"}}})},
		{"refusal-404", layout.Refusal(layout.RefusalProps{Layout: bare, Status: 404, RequestID: "01JD8Z4W3T", Refusal: refusal.Error{Code: "not_found", Title: "There is no such page.", Next: "Check the address, or go on from the start."}})},
		{"refusal-403", layout.Refusal(layout.RefusalProps{Layout: orgLayout(), Status: 403, RequestID: "01JD8Z4W3T", Back: "/org/members", Refusal: refusal.Error{Code: "forbidden", Title: "Your role does not allow this.", Next: "Ask an owner of your organization to do it or to change your role."}})},
		{"refusal-429", layout.Refusal(layout.RefusalProps{Layout: bare, Status: 429, RequestID: "01JD8Z4W3T", Refusal: refusal.Error{Code: "throttled", Title: "More than 60 requests came from you in a short time.", Next: "Wait a few seconds, then try again."}})},
		{"refusal-500", layout.Refusal(layout.RefusalProps{Layout: providerLayout(), Status: 500, RequestID: "01JD8Z4W3T", Back: "/provider/orders", Refusal: refusal.Error{Code: "internal", Title: "Something went wrong on our side. Nothing was left half done.", Next: "Try again; if it stays so, report request 01JD8Z4W3T."}})},
		{"workplaces", public.Workplaces(public.WorkplacesProps{Layout: layout.Props{Area: layout.AreaPublic, Person: orgLayout().Person, Now: now(), Choices: []layout.Choice{{Label: "Heliophysics", Value: "organization:1"}, {Label: "Northern Compute", Value: "provider:1"}}}})},
		{"workplaces-none", public.Workplaces(public.WorkplacesProps{Layout: layout.Props{Area: layout.AreaPublic, Person: orgLayout().Person, Now: now()}})},
		{"home", org.Home(homeFull())},
		{"home-long-name", org.Home(homeOf("Prof. Dr. Wilhelmina Featherstonehaugh-Sommerfeldt", "Institute of Heliophysics and Interplanetary Weather"))},
		{"home-empty", org.Home(homeEmpty())},
		{"home-member", org.Home(org.HomeProps{
			Layout: orgLayout(), MayLaunch: true, Requests: requestRows()[:1], Waiting: 1, Running: runningRows()[:1],
			Cap:       &org.Cap{MCS: 20 * 3_600_000, LeftMCS: 7_500_000 * 3, Since: ago(400 * time.Hour)},
			Hours:     homeFull().Hours,
			Attention: []org.Attention{{Tone: ui.ToneWarn, Text: "You have no SSH key. A node takes the keys that are there when it is started: add yours before a launch.", Label: "Add an SSH key", Where: "/account/ssh-keys"}},
		})},
	}
}

// homeOf is the home page of somebody with long names, for whom requests wait.
func homeOf(person, organization string) org.HomeProps {
	p := homeFull()
	p.Layout.Person = &layout.Person{Name: person, Email: "wilhelmina@xn--bcher-kva.example"}
	p.Layout.Organization = organization
	return p
}

func homeFull() org.HomeProps {
	l := managerLayout()
	l.Simulated, l.Notice = true, "Cluster trial-1 was launched."
	p := org.HomeProps{
		Layout: l, MayLaunch: true, MayDecide: true, Running: runningRows(), MoreRun: 3, Clusters: []org.ClusterRow{clusterRows()[2], clusterRows()[4]}, Requests: requestRows()[:2], Waiting: 2,
		Hours: []org.ProviderHours{
			{Provider: "Northern Compute", HoursSummary: hours(), NextExpiry: now().Add(40 * 24 * time.Hour), RateHour: 14 * hour, Empty: now().Add(60 * time.Hour)},
			{Provider: "Southern Grid", HoursSummary: org.HoursSummary{Bought: 40 * hour, Used: 31 * hour, Held: 2 * hour, Left: 7 * hour}, Percent: 20, FullMCS: 40 * hour, RateHour: 2 * hour, Empty: now().Add(4 * time.Hour)},
			{Provider: "Harbour Cloud", HoursSummary: org.HoursSummary{Bought: 50 * hour, Used: 48 * hour, Left: 2 * hour}, Percent: 5, FullMCS: 50 * hour},
		},
		Attention: []org.Attention{
			{Tone: ui.ToneBad, Text: "night-run failed: not every node became ready in time", Label: "Open night-run", Where: "/org/clusters/3"},
			{Tone: ui.ToneBad, Text: "2.00\u00a0CH left at Harbour Cloud: 5 % or less of what there was", Label: "Order hours", Where: "/org/orders/new"},
			{Tone: ui.ToneWarn, Text: "7.00\u00a0CH left at Southern Grid: 20 % or less of what there was", Label: "Order hours", Where: "/org/orders/new"},
		},
	}
	for i := range 30 {
		day := now().AddDate(0, 0, i-29)
		b := ui.Bar{Label: day.Format("2 Jan 2006"), Value: int64((i*i*7)%53) * hour / 2}
		if i%5 == 4 {
			b.Tick = day.Format("2 Jan")
		}
		p.Days = append(p.Days, b)
	}
	return p
}

// runningRows run, stand or begin, with leases of every urgency.
func runningRows() []org.RunningRow {
	all := clusterRows()
	row := func(r org.ClusterRow, left, lease time.Duration) org.RunningRow {
		if r.LeaseEnds = (time.Time{}); left > 0 {
			r.LeaseEnds = now().Add(left)
		}
		return org.RunningRow{ClusterRow: r, Lease: lease, RateMCS: int64(r.Nodes) * 1000}
	}
	paused := all[0]
	paused.Name, paused.State = "held-up", provisioner.ClusterPaused
	return []org.RunningRow{
		row(all[0], 95*time.Second, time.Hour), row(all[3], 42*time.Minute, 3*time.Hour), row(paused, 5*time.Hour, 8*time.Hour), row(all[1], 0, 2*time.Hour),
	}
}

func homeEmpty() org.HomeProps {
	return org.HomeProps{
		Layout: orgLayout(), MayLaunch: true,
		Steps: []org.Step{
			{Title: "Invite your group", Text: "Members launch, managers decide, billing reads what was spent.", Label: "Invite", Where: "/org/members"},
			{Done: true, Title: "Upload an image", Text: "The disk your nodes boot from: qcow2, raw, VMDK, VHD or an OVA.", Label: "Upload", Where: "/org/images/new"},
			{Title: "Test it for free", Text: "Describe a model cluster, publish a version, and have it booted in a sealed network.", Label: "Model clusters", Where: "/org/models"},
			{Title: "Buy compute hours", Text: "Compare providers by price, room and the earliest start.", Label: "Market", Where: "/market"},
			{Title: "Launch a cluster", Text: "Hours count from the moment every node is ready.", Label: "Launch", Where: "/org/clusters/new"},
		},
	}
}

func hours() org.HoursSummary {
	return org.HoursSummary{Bought: 1240 * hour, Used: 311*hour + 1_234_567, Held: 96 * hour, Left: 833*hour - 1_234_567}
}

func orderTyped() url.Values {
	return url.Values{"hours": {"2500"}, "cost_centre": {"4711"}, "note": {"For the summer school; please bill it in September,\nwith the other purchases of the institute. See https://tickets.institute.example/" + strings.Repeat("0", 90)}, "offer": {id(1).String()}}
}

func otherPlace(madeFor layout.Choice) layout.OtherPlaceProps {
	return layout.OtherPlaceProps{Layout: orgLayout(), Path: "/org/orders", On: "/org", Typed: orderTyped(), MadeFor: madeFor, Refusal: refusal.Error{Code: "other_place", Title: "Made for another place"}}
}
