package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/floors"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/overview"
	"volary.dev/store/people"
)

// TestOthersCommands gives every store call that takes an owner and an id the ids of the first organization and provider
// and the names of the second ones: nothing is found, and not one row changes. Handlers look at the owner too, so this
// is what fails where a call forgot its own scope.
func TestOthersCommands(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	v := foreign{db: a.Store, org: w.Other, provider: w.South, by: w.Person(handlertest.OtherOwner), w: w, paths: worldPaths(a, w)}
	err := a.Store.People.UpdateProvider(t.Context(), uuid.Nil, w.South, people.ProviderWords{
		LegalName: "South Ltd", InvoicePrefix: "SOU", AccountingZone: "UTC", SupportContact: "help@south.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	calls := v.calls(t.Context())
	before := rowsOf(t, a)
	for name, call := range calls {
		got, err := call()
		if r, refused := refusal.As(err); refused && r.Code == "not_found" {
			err = nil
		} else if err == nil && !nothing(got) {
			t.Errorf("%s gives %+v", name, got)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for table, rows := range rowsOf(t, a) {
			if before[table] != rows {
				t.Fatalf("%s changed %s", name, table)
			}
		}
	}
	for _, name := range ownedCalls(t) {
		if _, ok := calls[name]; !ok && ofEveryone()[name] == "" {
			t.Errorf("store.%s takes an owner and an id, and nobody tries it with another's", name)
		}
	}
}

// ofEveryone are the calls whose id needs no owner, and why.
func ofEveryone() map[string]string {
	return map[string]string{
		"QuoteOrder":           "everybody may ask what an offer would cost",
		"CreateUpload":         "the id is new",
		"TakeVerificationTurn": "the worker's, of a job that it holds",
		"EndVerificationTurn":  "the same",
		"TakeFetchTurn":        "the same",
		"FetchesWait":          "the same",
	}
}

// foreign has the ids of the first organization and of North, and acts for others.
type foreign struct {
	db                *floors.All
	org, provider, by uuid.UUID
	w                 *handlertest.World
	paths             func(string) string
}

// id is that of the world's thing below a path, such as /org/orders/.
func (v foreign) id(path string) uuid.UUID {
	return uuid.MustParse(strings.Split(strings.TrimPrefix(v.paths(path+":id"), path), "/")[0])
}

type calls map[string]func() (any, error)

func (v foreign) calls(ctx context.Context) calls {
	all := calls{}
	for _, some := range []calls{v.clusterCalls(ctx), v.modelCalls(ctx), v.salesCalls(ctx), v.peopleCalls(ctx), v.hostCalls(ctx), v.staffCalls(ctx)} {
		for name, call := range some {
			all[name] = call
		}
	}
	return all
}

func (v foreign) clusterCalls(ctx context.Context) calls {
	id, node := v.id("/org/clusters/"), uuid.MustParse(strings.Split(v.paths("/org/clusters/:id/:node"), "/")[4])
	return calls{
		"Cluster":      func() (any, error) { return only(v.db.Machines.Cluster(ctx, v.org, id)) },
		"Node":         func() (any, error) { return only(v.db.Machines.Node(ctx, v.org, id, node)) },
		"StopCluster":  func() (any, error) { return done(v.db.Machines.StopCluster(ctx, v.org, v.by, id)) },
		"StartCluster": func() (any, error) { return done(v.db.Machines.StartCluster(ctx, v.org, v.by, id, 3600)) },
		"RequestStart": func() (any, error) {
			return only(v.db.Machines.RequestStart(ctx, v.org, v.by, id, 3600, machines.LeaseTerms{}))
		},
		"ExtendLease": func() (any, error) { return done(v.db.Machines.ExtendLease(ctx, v.org, v.by, id, 3600)) },
		"ExtendLeaseUntil": func() (any, error) {
			return only(v.db.Machines.ExtendLeaseUntil(ctx, v.org, v.by, id, time.Now().Add(time.Hour)))
		},
		"SetLeaseTerms": func() (any, error) {
			return done(v.db.Machines.SetLeaseTerms(ctx, v.org, v.by, id, machines.LeaseTerms{}))
		},
		"StartUntil": func() (any, error) {
			return done(v.db.Machines.StartUntil(ctx, v.org, v.by, id, 3600, machines.LeaseTerms{}))
		},
		"ScaleCluster": func() (any, error) {
			_, err := v.db.Machines.ScaleCluster(ctx, v.org, v.by, id, machines.ScaleRequest{Group: "compute", Count: 2})
			return done(err)
		},
		"RequestScale": func() (any, error) {
			return only(v.db.Machines.RequestScale(ctx, v.org, v.by, id, machines.ScaleRequest{Group: "compute", Count: 2}))
		},
		"ScaleForm": func() (any, error) {
			f, err := v.db.Machines.ScaleForm(ctx, v.org, v.by, id)
			return f.Groups, err
		},
		"AnswerDrain":            func() (any, error) { return done(v.db.Machines.AnswerDrain(ctx, v.org, v.by, id, id, true)) },
		"RequestExtension":       func() (any, error) { return only(v.db.Machines.RequestExtension(ctx, v.org, v.by, id, 3600)) },
		"DeleteCluster":          func() (any, error) { return done(v.db.Machines.DeleteCluster(ctx, v.org, v.by, id)) },
		"ConsentToConsole":       func() (any, error) { return done(v.db.Machines.ConsentToConsole(ctx, v.org, v.by, id, time.Hour)) },
		"WithdrawConsoleConsent": func() (any, error) { return done(v.db.Machines.WithdrawConsoleConsent(ctx, v.org, v.by, id)) },
		"ConsoleConsent":         func() (any, error) { return v.db.Machines.ConsoleConsent(ctx, v.org, id) },
		"ConsentForProvider":     func() (any, error) { return v.db.Machines.ConsentForProvider(ctx, v.provider, id) },
		"ConsoleLooks":           func() (any, error) { return v.db.Machines.ConsoleLooks(ctx, v.org, id, store.Page{}) },
		"Tasks": func() (any, error) {
			list, _, err := v.db.Machines.Tasks(ctx, v.org, id, store.Page{})
			return list, err
		},
		"IssueConsoleTicket": func() (any, error) {
			_, err := v.db.Machines.IssueConsoleTicket(ctx, v.org, machines.ConsoleViewer{Person: v.by}, node, machines.ConsoleLine)
			return done(err)
		},
		"IssueStaffTicket": func() (any, error) {
			_, err := v.db.Machines.IssueStaffTicket(ctx, v.provider, machines.ConsoleViewer{Person: v.by}, node, machines.ConsoleLog)
			return done(err)
		},
		"PauseCluster":    func() (any, error) { return done(v.db.Machines.PauseCluster(ctx, v.by, v.provider, id, "because")) },
		"ResumeCluster":   func() (any, error) { return done(v.db.Machines.ResumeCluster(ctx, v.by, v.provider, id)) },
		"EndCluster":      func() (any, error) { return done(v.db.Machines.EndCluster(ctx, v.by, v.provider, id, "because")) },
		"AllowCluster":    func() (any, error) { return done(v.db.Machines.AllowCluster(ctx, v.by, v.provider, id)) },
		"ProviderCluster": func() (any, error) { return only(v.db.Machines.ProviderCluster(ctx, v.provider, id)) },
		"ListRuns": func() (any, error) {
			list, sum, err := v.db.Books.ListRuns(ctx, v.org, id, books.RunFilter{})
			return len(list) + sum.Count + int(sum.All), err
		},
	}
}

// certified is the world's test that has a certificate.
func (v foreign) certified(ctx context.Context) uuid.UUID {
	list, err := v.db.Models.CertificatesOfVersion(ctx, v.w.Organization, v.w.Version)
	if err != nil || len(list) == 0 {
		panic("nothing is certified")
	}
	return list[0].TestID
}

func (v foreign) modelCalls(ctx context.Context) calls {
	image, model, test := v.w.Image, v.w.Model, v.id("/org/tests/")
	return calls{
		"Image":                func() (any, error) { return only(v.db.Models.Image(ctx, v.org, image)) },
		"CancelAcceptanceTest": func() (any, error) { return done(v.db.Models.CancelAcceptanceTest(ctx, v.org, v.by, test)) },
		"StartTestAgain": func() (any, error) {
			return done(v.db.Machines.StartTestAgain(ctx, v.org, v.id("/org/clusters/")))
		},
		"UseOfImage":  func() (any, error) { return v.db.Models.UseOfImage(ctx, v.org, image) },
		"DeleteImage": func() (any, error) { return done(v.db.Models.DeleteImage(ctx, v.org, v.by, image)) },
		"Upload":      func() (any, error) { return only(v.db.Models.Upload(ctx, v.org, v.w.Upload)) },
		"ImagesOfUpload": func() (any, error) {
			list, err := v.db.Models.ImagesOfUpload(ctx, v.org, strings.Repeat("cd", 16)) // the world's image's
			return len(list), err
		},
		"RetryFetch": func() (any, error) {
			return done(v.db.Models.RetryFetch(ctx, v.org, v.by, strings.Repeat("cd", 16), ""))
		},
		"RemoveUpload": func() (any, error) { return done(v.db.Models.RemoveUpload(ctx, v.org, v.by, strings.Repeat("cd", 16))) },
		"VersionsOfImage": func() (any, error) {
			list, total, err := v.db.Models.VersionsOfImage(ctx, v.org, image, models.ImageVersionFilter{})
			return len(list) + total, err
		},
		"ModelCluster":  func() (any, error) { return only(v.db.Models.ModelCluster(ctx, v.org, model)) },
		"Version":       func() (any, error) { return only(v.db.Models.Version(ctx, v.org, v.w.Version)) },
		"ModelShares":   func() (any, error) { return only(v.db.Models.ModelShares(ctx, v.org, model)) },
		"ShareModel":    func() (any, error) { return done(v.db.Models.ShareModel(ctx, v.org, v.by, model, "")) },
		"WithdrawShare": func() (any, error) { return done(v.db.Models.WithdrawShare(ctx, v.org, v.by, model, uuid.Nil)) },
		"SharedModel":   func() (any, error) { return only(v.db.Models.SharedModel(ctx, v.org, model)) },
		"CloneModel":    func() (any, error) { return only(v.db.Models.CloneModel(ctx, v.org, v.by, v.w.Version, "mine")) },
		"Bundle":        func() (any, error) { return only(v.db.Models.Bundle(ctx, v.org, v.w.Version, "")) },
		"CreateModelFromBundle": func() (any, error) {
			return only(v.db.Models.CreateModelFromBundle(ctx, v.org, v.by, strings.Repeat("cd", 16), "mine"))
		},
		"OriginOfModel": func() (any, error) {
			o, _, err := v.db.Models.OriginOfModel(ctx, v.org, model)
			return o, err
		},
		"BundleOfUpload": func() (any, error) {
			_, ok, err := v.db.Models.BundleOfUpload(ctx, v.org, strings.Repeat("cd", 16))
			return ok, err
		},
		"ForeignCertificates": func() (any, error) {
			list, err := v.db.Models.ForeignCertificates(ctx, v.org, v.w.Version)
			return len(list), err
		},
		"EnvelopesOfVersion": func() (any, error) {
			list, _, err := v.db.Models.EnvelopesOfVersion(ctx, v.org, v.w.Version)
			return len(list), err
		},
		"UseOfVersion":    func() (any, error) { return v.db.Models.UseOfVersion(ctx, v.org, v.w.Version) },
		"Withdrawal":      func() (any, error) { return only(v.db.Models.Withdrawal(ctx, v.org, v.w.Version)) },
		"WithdrawVersion": func() (any, error) { return done(v.db.Models.WithdrawVersion(ctx, v.org, v.by, v.w.Version)) },
		"RestoreVersion":  func() (any, error) { return done(v.db.Models.RestoreVersion(ctx, v.org, v.by, v.w.Version)) },
		"PublishVersion":  func() (any, error) { return done(v.db.Models.PublishVersion(ctx, v.org, v.by, v.w.Draft, 1)) },
		"StartAcceptanceTest": func() (any, error) {
			return only(v.db.Machines.StartAcceptanceTest(ctx, v.org, v.by, v.w.Version, v.w.Pool))
		},
		"AcceptanceTest": func() (any, error) { return only(v.db.Models.AcceptanceTest(ctx, v.org, test)) },
		"CertificateOfTest": func() (any, error) {
			c, _, err := v.db.Models.CertificateOfTest(ctx, v.org, v.certified(ctx))
			return c.Address, err
		},
		"CertificatesOfVersion": func() (any, error) {
			list, err := v.db.Models.CertificatesOfVersion(ctx, v.org, v.w.Version)
			return len(list), err
		},
		"RetireCertificateKey": func() (any, error) {
			return done(v.db.Models.RetireCertificateKey(ctx, v.by, v.provider, uuid.MustParse(v.paths(":key"))))
		},
		"RevokeCertificateKey": func() (any, error) {
			return done(v.db.Models.RevokeCertificateKey(ctx, v.by, v.provider, uuid.MustParse(v.paths(":key")), "it was stolen"))
		},
		"AcceptanceTests": func() (any, error) {
			list, total, err := v.db.Models.AcceptanceTests(ctx, v.org, v.w.Version, models.TestFilter{})
			return len(list) + total, err
		},
		"ListVersions": func() (any, error) {
			list, total, err := v.db.Models.ListVersions(ctx, v.org, model, models.VersionFilter{})
			return len(list) + total, err
		},
		"LaunchCluster": func() (any, error) { return only(v.db.Machines.LaunchCluster(ctx, v.org, v.by, v.launch())) },
		"RequestLaunch": func() (any, error) { return only(v.db.Machines.RequestLaunch(ctx, v.org, v.by, v.launch())) },
		"Quote":         func() (any, error) { return only(v.db.Machines.Quote(ctx, v.org, v.launch())) },
	}
}

func (v foreign) launch() machines.LaunchRequest {
	return machines.LaunchRequest{VersionID: v.w.Version, PoolID: v.w.Pool, Name: "mine", Counts: machines.Counts{"compute": 0}, LeaseSeconds: 3600}
}

func (v foreign) salesCalls(ctx context.Context) calls {
	order, invoice, offer := v.id("/org/orders/"), v.id("/org/invoices/"), v.id("/provider/offers/")
	price := uuid.MustParse(strings.TrimPrefix(v.paths("/provider/offers/:id/:price"), "/provider/offers/"+offer.String()+"/"))
	return calls{
		"OrderOfOrganization":   func() (any, error) { return only(v.db.Books.OrderOfOrganization(ctx, v.org, order)) },
		"OrderOfProvider":       func() (any, error) { return only(v.db.Books.OrderOfProvider(ctx, v.provider, order)) },
		"ApproveOrder":          func() (any, error) { return done(v.db.Books.ApproveOrder(ctx, v.by, v.provider, order)) },
		"RejectOrder":           func() (any, error) { return done(v.db.Books.RejectOrder(ctx, v.by, v.provider, order, "because")) },
		"WithdrawOrder":         func() (any, error) { return done(v.db.Books.WithdrawOrder(ctx, v.by, v.org, order)) },
		"InvoiceOfOrganization": func() (any, error) { return only(v.db.Books.InvoiceOfOrganization(ctx, v.org, invoice)) },
		"InvoiceOfProvider":     func() (any, error) { return only(v.db.Books.InvoiceOfProvider(ctx, v.provider, invoice)) },
		"StatementOfOrganization": func() (any, error) {
			return only(v.db.Books.StatementOfOrganization(ctx, v.org, v.id("/org/statements/")))
		},
		"StatementUses": func() (any, error) {
			list, total, err := v.db.Books.StatementUses(ctx, v.org, v.id("/org/statements/"), books.StatementUseFilter{})
			return len(list) + total, err
		},
		"StatementSums": func() (any, error) {
			return v.db.Books.StatementSums(ctx, v.org, v.id("/org/statements/"), books.ByMember)
		},
		"Offer":     func() (any, error) { return only(v.db.Books.Offer(ctx, v.provider, offer)) },
		"EndOffer":  func() (any, error) { return done(v.db.Books.EndOffer(ctx, v.by, v.provider, offer)) },
		"UseCredit": func() (any, error) { return only(v.db.Books.UseCredit(ctx, v.by, v.provider, invoice)) },
		"CreditNoteOfOrganization": func() (any, error) {
			n, err := v.db.Books.CreditNoteOfOrganization(ctx, v.org, v.id("/org/credit-notes/"))
			return n.Number, err
		},
		"CreditNoteOfProvider": func() (any, error) {
			n, err := v.db.Books.CreditNoteOfProvider(ctx, v.provider, v.id("/provider/credit-notes/"))
			return n.Number, err
		},
		"IssueCreditNote": func() (any, error) {
			return only(v.db.Books.IssueCreditNote(ctx, v.by, v.provider, books.NewCreditNote{InvoiceID: invoice, Line: 1, Hours: billing.ComputeHour, Reason: "why"}))
		},
		"CreditAt": func() (any, error) {
			list, err := v.db.Books.CreditAt(ctx, v.provider, v.w.Organization)
			return len(list), err
		},
		"RecordPayment": func() (any, error) {
			got, err := v.db.Books.RecordPayment(ctx, v.by, v.provider, books.NewPayment{OrganizationID: v.w.Organization, Minor: 1, PaidOn: typed.Day{Year: 2026, Month: 11, Day: 1}})
			return len(got.Paid), err
		},
		"RepayCredit": func() (any, error) {
			return done(v.db.Books.RepayCredit(ctx, v.by, v.provider, books.NewPayment{OrganizationID: v.w.Organization, Minor: 1, PaidOn: typed.Day{Year: 2026, Month: 11, Day: 1}}))
		},
		"SetPrice": func() (any, error) {
			return only(v.db.Books.SetPrice(ctx, v.by, v.provider, offer, books.NewPrice{Millionths: 1}))
		},
		"WithdrawPrice": func() (any, error) { return done(v.db.Books.WithdrawPrice(ctx, v.by, v.provider, offer, price)) },
		"OfferPrices": func() (any, error) {
			list, total, err := v.db.Books.OfferPrices(ctx, v.provider, offer, books.PriceFilter{})
			return len(list) + total, err
		},
	}
}

func (v foreign) peopleCalls(ctx context.Context) calls {
	person, request, announcement := v.w.Extra, v.id("/org/requests/"), v.id("/org/announcements/")
	return calls{
		"ChangeMember": func() (any, error) {
			return done(v.db.People.ChangeMember(ctx, v.org, v.by, person, people.RoleManager))
		},
		"RemoveMember": func() (any, error) { return done(v.db.People.RemoveMember(ctx, v.org, v.by, person)) },
		"SetCap":       func() (any, error) { return done(v.db.Machines.SetCap(ctx, v.org, v.by, person, new(billing.Hours))) },
		"LaunchForm": func() (any, error) {
			form, err := v.db.Machines.LaunchForm(ctx, v.org, v.w.Person(handlertest.Member))
			if form.Cap != nil {
				return form.Cap, err
			}
			return len(form.Versions), err
		},
		"LaunchRequest":  func() (any, error) { return only(v.db.Overview.LaunchRequest(ctx, v.org, uuid.Nil, request)) },
		"ApproveRequest": func() (any, error) { return only(v.db.Machines.ApproveRequest(ctx, v.org, v.by, request)) },
		"DeclineRequest": func() (any, error) { return done(v.db.Machines.DeclineRequest(ctx, v.org, v.by, request, "because")) },
		"WithdrawRequest": func() (any, error) {
			return done(v.db.Machines.WithdrawRequest(ctx, v.org, v.w.Person(handlertest.Member), request))
		},
		"DismissAnnouncement": func() (any, error) { return done(v.db.People.DismissAnnouncement(ctx, v.org, v.by, announcement)) },
		"SwitchOrganization": func() (any, error) {
			return done(v.db.People.SwitchOrganization(ctx, v.id("/account/sessions/"), v.org))
		},
		"SwitchProvider": func() (any, error) {
			return done(v.db.People.SwitchProvider(ctx, v.id("/account/sessions/"), v.provider))
		},
		"ProviderOrganization": func() (any, error) {
			return only(v.db.Overview.ProviderOrganization(ctx, v.provider, v.w.Organization, time.Now()))
		},
		"MonthlyUse": func() (any, error) {
			months, err := v.db.Overview.MonthlyUse(ctx, v.provider, v.w.Organization, 3, time.Now())
			return slices.ContainsFunc(months, func(m overview.MonthUse) bool { return m.Hours != 0 }), err
		},
	}
}

func (v foreign) hostCalls(ctx context.Context) calls {
	host, pool := v.w.Host, v.w.Pool
	spare := machines.NewHost{
		Name: "mine", Underlay: netip.MustParseAddr("192.0.2.99"), Address: provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "mine"},
	}
	changed := machines.NewPool{
		Name: "mine", Prefix: netip.MustParsePrefix("10.90.0.0/16"), Underlay: netip.MustParsePrefix("192.0.2.0/24"), Storage: "local", MachineType: "q35",
	}
	move := machines.HostsMove{Hosts: []machines.MovedHost{{ID: host, Address: spare.Address, Underlay: spare.Underlay}}}
	return calls{
		"Host":           func() (any, error) { return only(v.db.Machines.Host(ctx, v.provider, host)) },
		"HostClusters":   func() (any, error) { return v.db.Machines.HostClusters(ctx, v.provider, host) },
		"HostSilences":   func() (any, error) { return v.db.Machines.HostSilences(ctx, v.provider, host, 5) },
		"HostImages":     func() (any, error) { return v.db.Machines.HostImages(ctx, v.provider, host) },
		"HostNodes":      func() (any, error) { return v.db.Machines.HostNodes(ctx, v.provider, host) },
		"AddHost":        func() (any, error) { return only(v.db.Machines.AddHost(ctx, v.by, v.provider, pool, spare)) },
		"RenewHostCode":  func() (any, error) { return done(v.db.Machines.RenewHostCode(ctx, v.by, v.provider, host)) },
		"CheckHost":      func() (any, error) { return done(v.db.Machines.CheckHost(ctx, v.by, v.provider, host)) },
		"CordonHost":     func() (any, error) { return done(v.db.Machines.CordonHost(ctx, v.by, v.provider, host, "")) },
		"DrainHost":      func() (any, error) { return done(v.db.Machines.DrainHost(ctx, v.by, v.provider, host, "")) },
		"ActivateHost":   func() (any, error) { return done(v.db.Machines.ActivateHost(ctx, v.by, v.provider, host)) },
		"RemoveHost":     func() (any, error) { return done(v.db.Machines.RemoveHost(ctx, v.by, v.provider, host)) },
		"MoveHosts":      func() (any, error) { return done(v.db.Machines.MoveHosts(ctx, v.by, v.provider, pool, move)) },
		"PoolProcessors": func() (any, error) { return only(v.db.Machines.PoolProcessors(ctx, v.provider, pool)) },
		"ProviderPool":   func() (any, error) { return only(v.db.Machines.ProviderPool(ctx, v.provider, pool)) },
		"UpdatePool":     func() (any, error) { return done(v.db.Machines.UpdatePool(ctx, v.by, v.provider, pool, changed)) },
		"RetireShape":    func() (any, error) { return done(v.db.Machines.RetireShape(ctx, v.by, v.provider, v.w.Shape)) },
	}
}

func (v foreign) staffCalls(ctx context.Context) calls {
	var job int64
	fmt.Sscan(strings.TrimPrefix(v.paths("/provider/jobs/:id"), "/provider/jobs/"), &job)
	colleague, announcement := v.w.Person(handlertest.Accountant), v.id("/provider/announcements/")
	return calls{
		"ChangeStaffRole": func() (any, error) {
			return done(v.db.People.ChangeStaffRole(ctx, v.by, v.provider, colleague, people.StaffOperator))
		},
		"RemoveStaff":     func() (any, error) { return done(v.db.People.RemoveStaff(ctx, v.by, v.provider, colleague)) },
		"EndAnnouncement": func() (any, error) { return done(v.db.People.EndAnnouncement(ctx, v.by, v.provider, announcement)) },
		"RetryJob":        func() (any, error) { return done(v.db.Overview.RetryJob(ctx, v.by, v.provider, job)) },
		"CancelJob":       func() (any, error) { return done(v.db.Overview.CancelJob(ctx, v.by, v.provider, job)) },
	}
}

// done is a command that gives nothing but an error: without one it did something.
func done(err error) (any, error) { return err == nil, err }

// only is a call whose value counts where there is no error: it found something.
func only[T any](_ T, err error) (any, error) { return err == nil, err }

func nothing(got any) bool {
	v := reflect.ValueOf(got)
	return !v.IsValid() || v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0
}

// rowsOf is a digest of every table's rows.
func rowsOf(t *testing.T, a *handlertest.App) map[string]string {
	t.Helper()
	rows, err := a.Pool.Query(t.Context(), `
		SELECT relname, query_to_xml('SELECT md5(string_agg(x::text, '','' ORDER BY x::text)) AS n FROM ' || quote_ident(relname) || ' x', true, true, '')::text
		  FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'river%leader'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	digests := map[string]string{}
	for rows.Next() {
		var table, digest string
		if err := rows.Scan(&table, &digest); err != nil {
			t.Fatal(err)
		}
		digests[table] = digest
	}
	if err := rows.Err(); err != nil || len(digests) < 30 {
		t.Fatalf("%d tables, %v", len(digests), err)
	}
	return digests
}

// ownedCalls are the methods of floors.All that take an organization or a provider and the id of something besides.
func ownedCalls(t *testing.T) []string {
	t.Helper()
	core, coreErr := filepath.Glob("../store/*.go")
	floors, floorsErr := filepath.Glob("../store/*/*.go")
	if err := errors.Join(coreErr, floorsErr); err != nil {
		t.Fatal(err)
	}
	paths := append(core, floors...)
	var names []string
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") || filepath.Base(filepath.Dir(path)) == "storetest" {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() {
				continue
			}
			owned, subject, inside := false, false, false
			for _, p := range f.Type.Params.List {
				for _, n := range p.Names {
					switch {
					case n.Name == "tx" || n.Name == "q": // of a caller's transaction, which has asked whose it is
						inside = true
					case n.Name == "orgID" || n.Name == "providerID":
						owned = true
					case n.Name == "id" || strings.HasSuffix(n.Name, "ID"):
						subject = subject || n.Name != "personID"
					}
				}
			}
			if owned && subject && !inside {
				names = append(names, f.Name.Name)
			}
		}
	}
	if len(names) < 50 {
		t.Fatalf("%d calls are found in store", len(names))
	}
	return names
}
