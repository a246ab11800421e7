package layout

import (
	"net/url"
	"time"

	"volary.dev/provisioner/refusal"
	"volary.dev/web/ui"
)

// Area is the part of the portal a page belongs to.
type Area string

// The areas, each with a navigation of its own.
const (
	AreaPublic   Area = "public"
	AreaOrg      Area = "org"
	AreaProvider Area = "provider"
	AreaPlatform Area = "platform"
	AreaAccount  Area = "account"
)

// The sections a navigation marks as current.
const (
	SectionHome          = "home"
	SectionMarket        = "market"
	SectionGuide         = "guide"
	SectionImages        = "images"
	SectionModels        = "models"
	SectionClusters      = "clusters"
	SectionUsage         = "usage"
	SectionWallet        = "wallet"
	SectionOrders        = "orders"
	SectionInvoices      = "invoices"
	SectionPayments      = "payments"
	SectionExports       = "exports"
	SectionPeriods       = "periods"
	SectionStatements    = "statements"
	SectionRequests      = "requests"
	SectionMembers       = "members"
	SectionLog           = "log"
	SectionHosts         = "hosts"
	SectionPools         = "pools"
	SectionShapes        = "shapes"
	SectionOffers        = "offers"
	SectionOrganizations = "organizations"
	SectionAnnouncements = "announcements"
	SectionJobs          = "jobs"
	SectionStaff         = "staff"
	SectionSettings      = "settings"
	SectionProviders     = "providers"
	SectionPeople        = "people"
	SectionOutbox        = "outbox"
	SectionKeys          = "ssh-keys"
	SectionSessions      = "sessions"
	SectionPassword      = "password"
	SectionMails         = "mails"
	SectionCertificates  = "certificates"
)

// Props is what the frame shows. Pages set Title and Section from their own props; the handler fills the rest.
type Props struct {
	Area   Area
	Person *Person // nil: nobody is signed in
	// Organization and Provider are the names of the session's current ones, empty for none. With both, the
	// frame offers the way to the other area.
	Organization, Provider string
	// Place is whose page it is ("org:ID", "provider:ID", "platform"; empty elsewhere): a page whose session works for
	// another place by now follows nothing.
	Place string
	// Answer is the page's own address where it answers a form, empty on every other page: it stays as it is until the person
	// acts, and what changed after Begun is offered.
	Answer string
	Begun  time.Time
	// PlatformAdmin, also for the platform's auditors, offers the way to the platform's area.
	PlatformAdmin bool
	// Reading is an auditor's: forms that change something are not shown.
	Reading bool
	// Choices are the other organizations and providers the person may switch to by POST /switch.
	Choices []Choice
	// Suspended is why the organization, or on its pages the provider, is suspended: its pages say so. Empty: it is not.
	Suspended string
	Found     string         // what the frame's search was asked, on its own page
	Closed    []string       // sections of the area that the person may not open
	Counts    map[string]int // what waits for the person, by section
	Simulated bool           // hosts are the memory driver's: every page says so
	Notice    string         // one sentence after a POST that worked, shown once
	Zone      *time.Location // the reader's; nil is UTC
	Now       time.Time
	Version   string // of the program
	// Announcements of providers to the organization, above the page until they are dismissed.
	Announcements []Announcement
	// Refused are mails to the person that could not be delivered, on the pages that one comes to first.
	Refused []ui.RefusedMail
}

// Announcement is what a provider tells the organization.
type Announcement struct {
	ID, Provider, Pool string // Pool is empty where it is about all of the provider
	Title, Text        string
	Warning            bool
	Until              time.Time // zero: open
}

// Person is who is signed in.
type Person struct{ Name, Email string }

// Choice is an organization or provider to switch to. Value is sent as "to".
type Choice struct{ Label, Value string }

// RefusalProps is a page that says no: what, why, what next.
type RefusalProps struct {
	Layout    Props
	Status    int // HTTP status
	Refusal   refusal.Error
	RequestID string     // shown for those who report it
	Back      string     // address of the way on, "/" when empty
	Path      string     // where the form that was not taken was sent; empty: there was none, or it held a password
	Typed     url.Values // what it held, without passwords
}
