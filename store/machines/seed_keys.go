package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner"
	"volary.dev/store"
)

// KeysLeftOut is whose SSH keys a cluster's seed had no room for, and how many.
type KeysLeftOut struct {
	Person string `json:"person"`
	Keys   int    `json:"keys"`
}

// seedKey is one key that a seed may take.
type seedKey struct {
	Person    string
	PublicKey string
}

// sshKeysFor are the keys of everyone who may work with the organization's clusters: the launching person's first, the
// newest first of each. A seed takes as many as fit; whose were left out is said and does not stop a launch.
func sshKeysFor(ctx context.Context, tx pgx.Tx, orgID, by uuid.UUID) (keys []string, out []KeysLeftOut, err error) {
	rows, _ := tx.Query(ctx, `
		SELECT p.name AS person, k.public_key FROM ssh_keys k JOIN people p ON p.id = k.person_id
		WHERE k.person_id = $2 OR k.person_id IN (SELECT person_id FROM memberships WHERE organization_id = $1 AND role NOT IN ('billing', 'auditor'))
		ORDER BY k.person_id = $2 DESC, k.id DESC`, orgID, by)
	list, err := store.All(rows, "SSH keys", pgx.RowToStructByName[seedKey])
	keys, out = fitKeys(list)
	return keys, out, err
}

// fitKeys takes keys in their order until a seed is full, and counts the others by person.
func fitKeys(list []seedKey) (keys []string, out []KeysLeftOut) {
	keys, out = []string{}, []KeysLeftOut{}
	bytes := 0
	for n, k := range list {
		if bytes += len(k.PublicKey); len(keys) == n && n < provisioner.MaxSeedKeys && bytes <= provisioner.MaxSeedKeyBytes {
			keys = append(keys, k.PublicKey)
			continue
		}
		if len(out) == 0 || out[len(out)-1].Person != k.Person {
			out = addKeys(out, k.Person)
			continue
		}
		out[len(out)-1].Keys++
	}
	return keys, out
}

func addKeys(out []KeysLeftOut, person string) []KeysLeftOut {
	for i := range out {
		if out[i].Person == person {
			out[i].Keys++
			return out
		}
	}
	return append(out, KeysLeftOut{Person: person, Keys: 1})
}
