package overview

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// HitsPerKind is how many rows of each kind a search gives.
const HitsPerKind = 8

// HitKind is what a search found.
type HitKind string

// The kinds, in the order of a search's answer.
const (
	HitCluster      HitKind = "cluster"
	HitModelCluster HitKind = "model cluster"
	HitImage        HitKind = "image"
	HitUpload       HitKind = "upload"
	HitHost         HitKind = "host"
	HitPool         HitKind = "pool"
	HitOrganization HitKind = "organization"
	HitPerson       HitKind = "person"
	HitOrder        HitKind = "order"
	HitInvoice      HitKind = "invoice"
)

// Hit is a row that a search found. Of a person ID is the person's.
type Hit struct {
	ID     uuid.UUID
	Name   string // an order's is its number
	Detail string // what tells it from others: a person's address, a cluster's organization or model
	Gone   bool   // a cluster that ended
	At     time.Time
	Zone   string // of a paper the seller's, by whose days it is read; else empty
	Total  int    // that match, of this kind
}

// Hits are those of one kind, the newest first, gone ones last; Total may be more than are here.
type Hits struct {
	Kind  HitKind
	Rows  []Hit
	Total int
}

// OrganizationSearch says what a search in an organization may find beside its members.
type OrganizationSearch struct {
	Work   bool // clusters, model clusters, images and uploads
	Papers bool // orders and invoices
}

// ProviderSearch says what a search of a provider may find beside organizations.
type ProviderSearch struct {
	Hosts  bool // clusters on its hosts, hosts and pools
	Papers bool // orders and invoices
	Staff  bool
}

// The queries of a search: @owner is whose, @pattern what was typed for ILIKE, @number an order's number in it, @typed all of it in small
// letters, for ids. Rows of organizations and providers are few enough to be read by their owner's index.
const (
	hitColumns = `SELECT x.id, x.name, x.detail, x.gone, x.at, x.zone, (count(*) OVER ())::int AS total FROM (`
	hitOrder   = `) AS x ORDER BY x.gone, x.at DESC, x.id DESC LIMIT @most`

	findOrganizationClusters = `
		SELECT c.id, c.name, m.name || ', version ' || v.version AS detail, c.ended_at IS NOT NULL AS gone, c.created_at AS at, '' AS zone
		FROM clusters c JOIN model_versions v ON v.id = c.version_id JOIN model_clusters m ON m.id = v.model_cluster_id
		WHERE c.organization_id = @owner AND c.kind = 'cluster' AND (c.name ILIKE @pattern OR m.name ILIKE @pattern OR c.id::text = @typed)`
	findModelClusters = `
		SELECT id, name, '' AS detail, false AS gone, created_at AS at, '' AS zone
		FROM model_clusters WHERE organization_id = @owner AND (name ILIKE @pattern OR id::text = @typed)`
	findImages = `
		SELECT id, name, '' AS detail, false AS gone, created_at AS at, '' AS zone
		FROM images WHERE organization_id = @owner AND (name ILIKE @pattern OR id::text = @typed OR guest_digest = @typed)`
	// One that is done is found as its images.
	findUploads = `
		SELECT id::uuid AS id, coalesce(nullif(name, ''), filename) AS name, state AS detail, false AS gone, created_at AS at, '' AS zone
		FROM uploads WHERE organization_id = @owner AND (state <> 'done' AND (name ILIKE @pattern OR filename ILIKE @pattern)
			OR id = replace(@typed, '-', '') OR digest = @typed)`
	findMembers = `
		SELECT p.id, p.name, p.email || ', ' || m.role AS detail, false AS gone, m.created_at AS at, '' AS zone
		FROM memberships m JOIN people p ON p.id = m.person_id
		WHERE m.organization_id = @owner AND (p.name ILIKE @pattern OR p.email ILIKE @pattern)`
	findStaff = `
		SELECT p.id, p.name, p.email || ', ' || s.role AS detail, false AS gone, s.created_at AS at, '' AS zone
		FROM staff s JOIN people p ON p.id = s.person_id
		WHERE s.provider_id = @owner AND (p.name ILIKE @pattern OR p.email ILIKE @pattern)`
	findOrganizations = `
		SELECT o.id, o.name, '' AS detail, false AS gone, o.created_at AS at, '' AS zone FROM organizations o
		WHERE (EXISTS (SELECT FROM wallets w WHERE w.provider_id = @owner AND w.organization_id = o.id)
			OR EXISTS (SELECT FROM clusters c WHERE c.provider_id = @owner AND c.organization_id = o.id)) AND (o.name ILIKE @pattern OR o.id::text = @typed)`
	findProviderClusters = `
		SELECT c.id, c.name, o.name AS detail, c.ended_at IS NOT NULL AS gone, c.created_at AS at, '' AS zone
		FROM clusters c JOIN organizations o ON o.id = c.organization_id
		WHERE c.provider_id = @owner AND (c.name ILIKE @pattern OR o.name ILIKE @pattern OR c.id::text = @typed)`
	findHosts = `
		SELECT h.id, h.name, p.name AS detail, false AS gone, h.created_at AS at, '' AS zone FROM hosts h JOIN pools p ON p.id = h.pool_id
		WHERE h.provider_id = @owner AND h.removed_at IS NULL AND (h.name ILIKE @pattern OR h.address ILIKE @pattern OR h.id::text = @typed)`
	findPools = `
		SELECT id, name, location AS detail, false AS gone, created_at AS at, '' AS zone FROM pools
		WHERE provider_id = @owner AND (name ILIKE @pattern OR location ILIKE @pattern OR id::text = @typed)`
	matchOrder = ` AND (r.number::text = @number OR r.purchase_order ILIKE @pattern OR r.cost_centre ILIKE @pattern OR r.grant_number ILIKE @pattern OR o.name ILIKE @pattern OR r.id::text = @typed)`
	findOrders = `
		SELECT r.id, r.number::text AS name, o.name || ', ' || r.state AS detail, false AS gone, r.created_at AS at, `
	findOrganizationOrders = findOrders + `o.accounting_zone AS zone FROM orders r JOIN providers o ON o.id = r.provider_id WHERE r.organization_id = @owner` + matchOrder
	findProviderOrders     = findOrders + `(SELECT accounting_zone FROM providers WHERE id = @owner) AS zone FROM orders r JOIN organizations o ON o.id = r.organization_id WHERE r.provider_id = @owner` + matchOrder
	matchInvoice           = ` AND (i.number ILIKE @pattern OR o.name ILIKE @pattern OR i.id::text = @typed)`
	findInvoices           = `
		SELECT i.id, i.number AS name, o.name AS detail, false AS gone, i.issued_at AS at, `
	findOrganizationInvoices = findInvoices + `o.accounting_zone AS zone FROM invoices i JOIN providers o ON o.id = i.provider_id WHERE i.organization_id = @owner` + matchInvoice
	findProviderInvoices     = findInvoices + `(SELECT accounting_zone FROM providers WHERE id = @owner) AS zone FROM invoices i JOIN organizations o ON o.id = i.organization_id WHERE i.provider_id = @owner` + matchInvoice
)

// find is one kind of a search.
type find struct {
	kind  HitKind
	query string
	may   bool
}

// SearchOrganization finds what an organization has by a part of its name, in any case and spelling; papers also by their numbers and
// references, and everything by its id. It reads in one round trip and gives the kinds of which something matches.
func (db *DB) SearchOrganization(ctx context.Context, orgID uuid.UUID, may OrganizationSearch, typed string) ([]Hits, error) {
	return db.search(ctx, orgID, typed, []find{
		{HitCluster, findOrganizationClusters, may.Work},
		{HitModelCluster, findModelClusters, may.Work},
		{HitImage, findImages, may.Work},
		{HitUpload, findUploads, may.Work},
		{HitPerson, findMembers, true},
		{HitOrder, findOrganizationOrders, may.Papers},
		{HitInvoice, findOrganizationInvoices, may.Papers},
	})
}

// SearchProvider is SearchOrganization for what a provider has: clusters, tests among them, and everyone who has anything with it.
func (db *DB) SearchProvider(ctx context.Context, providerID uuid.UUID, may ProviderSearch, typed string) ([]Hits, error) {
	return db.search(ctx, providerID, typed, []find{
		{HitCluster, findProviderClusters, may.Hosts},
		{HitHost, findHosts, may.Hosts},
		{HitPool, findPools, may.Hosts},
		{HitOrganization, findOrganizations, true},
		{HitPerson, findStaff, may.Staff},
		{HitOrder, findProviderOrders, may.Papers},
		{HitInvoice, findProviderInvoices, may.Papers},
	})
}

func (db *DB) search(ctx context.Context, owner uuid.UUID, typed string, finds []find) (found []Hits, err error) {
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return nil, nil
	}
	args := pgx.NamedArgs{
		"owner": owner, "pattern": store.Like(typed), "number": numberIn(typed), "typed": strings.ToLower(typed), "most": HitsPerKind,
	}
	b, lists := &pgx.Batch{}, make([][]Hit, len(finds))
	for i, f := range finds {
		if f.may {
			store.QueueAll(b, &lists[i], pgx.RowToStructByName[Hit], hitColumns+f.query+hitOrder, args)
		}
	}
	if err := db.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	for i, list := range lists {
		if len(list) > 0 {
			found = append(found, Hits{Kind: finds[i].kind, Rows: list, Total: list[0].Total})
		}
	}
	return found, nil
}

// numberIn is the number of an order as it is written on pages and spoken: "12", "#12", "order 12".
func numberIn(typed string) string {
	s := strings.ToLower(typed)
	return strings.TrimLeft(strings.TrimSpace(strings.TrimPrefix(s, "order")), "# ")
}
