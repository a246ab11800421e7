package overview

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/store/people"
)

// Workplace is a place of a person's that owns something.
type Workplace struct {
	Provider bool // else an organization
	people.Workplace
}

// OwnerAmong tells which place of a person's, by their memberships as they are now, owns what the page of an address shows: the
// section of an area ("org", "clusters") and the id. ok is false where it is nobody's, or somebody else's: nothing tells the two
// apart. A provider may have to do with the same organization or cluster as the person's organization: each area has its own.
func (db *DB) OwnerAmong(ctx context.Context, personID uuid.UUID, area, section string, id uuid.UUID) (w Workplace, ok bool, err error) {
	from := ownedBy[area][section]
	if from == "" {
		return w, false, nil
	}
	query := `SELECT o.id, o.name, m.role ` + from + ` JOIN memberships m ON m.organization_id = x.organization_id AND m.person_id = $1
		JOIN organizations o ON o.id = m.organization_id WHERE x.`
	if w.Provider = area == "provider"; w.Provider {
		query = `SELECT p.id, p.name, s.role ` + from + ` JOIN staff s ON s.provider_id = x.provider_id AND s.person_id = $1
			JOIN providers p ON p.id = s.provider_id WHERE x.`
	}
	named := "id"
	if section == "organizations" {
		named = "organization_id"
	}
	// Of the places that have to do with the same organization, one is enough to go on from.
	err = db.pool.QueryRow(ctx, query+named+` = $2 ORDER BY 2 LIMIT 1`, personID, id).Scan(&w.ID, &w.Name, &w.Role)
	if errors.Is(err, pgx.ErrNoRows) {
		return Workplace{}, false, nil
	}
	if err != nil {
		return Workplace{}, false, fmt.Errorf("find whose of a person's places %s %s is: %w", section, id, err)
	}
	return w, true, nil
}

// ownedBy is the table of what the pages of each area show, by the words of their addresses.
var ownedBy = map[string]map[string]string{
	"org": {
		"images": `FROM images x`, "uploads": `FROM (SELECT id::uuid AS id, organization_id FROM uploads) x`, "models": `FROM model_clusters x`, "versions": `FROM model_versions x`, "tests": `FROM acceptance_tests x`,
		"clusters": `FROM clusters x`, "usage": `FROM clusters x`, "requests": `FROM launch_requests x`, "orders": `FROM orders x`, "invoices": `FROM invoices x`, "credit-notes": `FROM credit_notes x`, "statements": `FROM statements x`,
		"shared-models": `FROM (SELECT model_cluster_id AS id, with_id AS organization_id FROM model_shares) x`, // of whom it is shared with
	},
	"provider": {
		"hosts": `FROM hosts x`, "pools": `FROM pools x`, "shapes": `FROM shapes x`, "clusters": `FROM clusters x`, "offers": `FROM offers x`,
		"orders": `FROM orders x`, "invoices": `FROM invoices x`, "credit-notes": `FROM credit_notes x`, "organizations": `FROM wallets x`,
	},
}
