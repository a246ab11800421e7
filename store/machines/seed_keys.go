package machines

import (
	"context"
	"fmt"

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
	PersonID    uuid.UUID
	Person      string
	Name        string
	Fingerprint string
	PublicKey   string
}

// opens is who is let into a cluster's nodes, of people p and memberships m in its organization: neither who is there for
// the bills or to read alone nor who is suspended. Which keys a seed gets and which it should not have had are asked with this.
const (
	opens = works + ` AND p.suspended_at IS NULL`
	works = `m.role NOT IN ('billing', 'auditor')` // with the organization's clusters
)

// seedKeys are the keys of everyone who may work with the organization's clusters now: the launching person's first, the
// newest first of each. A seed takes as many as fit; whose were left out is said and does not stop a start.
func seedKeys(ctx context.Context, tx pgx.Tx, orgID, by uuid.UUID) (keys []seedKey, out []KeysLeftOut, err error) {
	rows, _ := tx.Query(ctx, `
		SELECT p.id AS person_id, p.name AS person, k.name, k.fingerprint, k.public_key
		FROM rightful_keys k JOIN people p ON p.id = k.person_id
		WHERE k.organization_id = $1
		ORDER BY k.person_id = $2 DESC, k.key_id DESC`, orgID, by)
	list, err := store.All(rows, "SSH keys", pgx.RowToStructByName[seedKey])
	keys, out = fitKeys(list)
	return keys, out, err
}

// fitKeys takes keys in their order until a seed is full, and counts the others by person.
func fitKeys(list []seedKey) (keys []seedKey, out []KeysLeftOut) {
	keys, out = []seedKey{}, []KeysLeftOut{}
	bytes := 0
	for n, k := range list {
		if bytes += len(k.PublicKey); len(keys) == n && n < provisioner.MaxSeedKeys && bytes <= provisioner.MaxSeedKeyBytes {
			keys = append(keys, k)
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

// writeKeys writes down what the cluster's present start gives its nodes, all keys at once.
func writeKeys(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID, keys []seedKey) error {
	people, names := make([]uuid.UUID, len(keys)), make([]string, len(keys))
	prints, lines := make([]string, len(keys)), make([]string, len(keys))
	for n, k := range keys {
		people[n], names[n], prints[n], lines[n] = k.PersonID, k.Name, k.Fingerprint, k.PublicKey
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO cluster_keys (cluster_id, start, position, person_id, name, fingerprint, public_key)
		SELECT c.id, c.start_count, k.position, k.person_id, k.name, k.fingerprint, k.public_key
		FROM clusters c, unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
			AS k (person_id, name, fingerprint, public_key, position)
		WHERE c.id = $1`, clusterID, people, names, prints, lines)
	if err != nil {
		return fmt.Errorf("write SSH keys of cluster %s: %w", clusterID, err)
	}
	return nil
}
