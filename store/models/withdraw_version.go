package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// imageOfRole is the image of a role r; of a withdrawn version, which holds none, one of its organization with the same bytes, the one of the
// same name first.
const imageOfRole = `coalesce(r.image_id, (SELECT k.id FROM images k
	WHERE r.image_id IS NULL AND k.organization_id = r.organization_id AND k.canonical_digest = r.image_digest
	ORDER BY k.lost = '' DESC, k.name = r.image_name DESC, k.id LIMIT 1))`

// WithdrawVersion takes a published version back: it cannot be launched or tested any more, and holds its images no more, of which it keeps
// name and digest. All else of it stays as it was, and RestoreVersion publishes it again. Refusals: "version_used" (a cluster that is not gone, a
// test that runs, a request that waits), "draft", "withdrawn" already, NotFound.
func (db *DB) WithdrawVersion(ctx context.Context, orgID, by, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		v, err := lockVersion(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		if err := v.refuseWithdrawal(ctx, tx, orgID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE model_versions SET state = 'withdrawn', withdrawn_at = now(), withdrawn_by = $2 WHERE id = $1`, id, store.OrNull(by)); err != nil {
			return fmt.Errorf("withdraw version: %w", err)
		}
		// After the state, by which the database knows that no more than this changes.
		if _, err := tx.Exec(ctx, `
			UPDATE version_roles r SET image_id = NULL, image_name = i.name, image_digest = i.canonical_digest
			FROM images i WHERE r.version_id = $1 AND i.id = r.image_id`, id); err != nil {
			return fmt.Errorf("let go of the images of version %s: %w", id, err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Verb: "withdraw version", Subject: "version", SubjectID: id, Detail: map[string]any{"images": v.digests()},
		})
	})
}

// lockVersion locks a version against all that would use it (HoldVersion) or change it, and reads it then.
func lockVersion(ctx context.Context, tx pgx.Tx, orgID, id uuid.UUID) (Version, error) {
	if err := tx.QueryRow(ctx, `SELECT FROM model_versions WHERE id = $1 AND organization_id = $2 FOR UPDATE`, id, orgID).Scan(); err != nil {
		return Version{}, store.Found(err, "version")
	}
	return ReadVersion(ctx, tx, orgID, id)
}

// HoldVersion keeps a version as it is until tx ends: whoever takes one up calls it before reading that it is published. NotFound("version").
func HoldVersion(ctx context.Context, tx pgx.Tx, orgID, id uuid.UUID) error {
	err := tx.QueryRow(ctx, `SELECT FROM model_versions WHERE id = $1 AND organization_id = $2 FOR KEY SHARE`, id, orgID).Scan()
	return store.Found(err, "version")
}

// digests are those of a version's images, by group.
func (v Version) digests() map[string]string {
	digests := map[string]string{}
	for _, g := range v.Groups {
		digests[g.Name] = g.Digest
	}
	return digests
}

// UseOfVersion is the refusal with which WithdrawVersion would answer now; nil: none.
func (db *DB) UseOfVersion(ctx context.Context, orgID, id uuid.UUID) (*refusal.Error, error) {
	v, err := ReadVersion(ctx, db.pool, orgID, id)
	if err != nil {
		return nil, err
	}
	err = v.refuseWithdrawal(ctx, db.pool, orgID)
	if r, ok := refusal.As(err); ok {
		return r, nil
	}
	return nil, err
}

func (v Version) refuseWithdrawal(ctx context.Context, q store.Queryer, orgID uuid.UUID) error {
	switch v.State {
	case VersionStateDraft:
		return &refusal.Error{Code: "draft", Title: "This version is a draft, which nobody can launch.", Next: "Give the draft other images instead."}
	case VersionStateWithdrawn:
		return withdrawnNow()
	case VersionStatePublished:
	}
	u, err := readVersionUse(ctx, q, orgID, v.ID)
	if err != nil {
		return err
	}
	return orRefusal(nil, u.refusal(v))
}

// withdrawnNow refuses what only a version does that is not withdrawn.
func withdrawnNow() *refusal.Error {
	return &refusal.Error{
		Code: "withdrawn", Title: "This version was withdrawn: it does not change, and cannot be launched or tested.",
		Next: "Publish it again on its page, or choose another version.",
	}
}

// Launchable refuses ("draft", "withdrawn") a version that is not published.
func (v Version) Launchable() *refusal.Error {
	switch v.State {
	case VersionStateDraft:
		return &refusal.Error{Code: "draft", Title: "This version is a draft, which may still change.", Next: "Publish it, then launch it."}
	case VersionStateWithdrawn:
		return withdrawnNow()
	case VersionStatePublished:
	}
	return nil
}

// versionUse counts what is alive of a version and names the first of each kind; tests by their pool.
type versionUse struct {
	Clusters, Tests, Requests             int
	ClusterNames, TestPools, RequestNames []string
}

func readVersionUse(ctx context.Context, q store.Queryer, orgID, id uuid.UUID) (versionUse, error) {
	rows, _ := q.Query(ctx, `
		SELECT * FROM
			(SELECT count(*)::int AS clusters, coalesce((array_agg(name ORDER BY name))[1:$3], '{}') AS cluster_names
				FROM clusters WHERE version_id = $1 AND organization_id = $2 AND kind = 'cluster' AND ended_at IS NULL) AS c,
			(SELECT count(*)::int AS tests, coalesce((array_agg(p.name ORDER BY p.name))[1:$3], '{}') AS test_pools
				FROM acceptance_tests t JOIN pools p ON p.id = t.pool_id LEFT JOIN clusters k ON k.id = t.cluster_id
				WHERE t.version_id = $1 AND t.organization_id = $2 AND (t.ended_at IS NULL OR k.id IS NOT NULL AND k.ended_at IS NULL)) AS t,
			(SELECT count(*)::int AS requests, coalesce((array_agg(form ->> 'name' ORDER BY form ->> 'name'))[1:$3], '{}') AS request_names
				FROM launch_requests WHERE organization_id = $2 AND state = 'waiting' AND form ->> 'version' = $1::text) AS r`, id, orgID, namedUsers)
	return store.One(rows, "use of version", pgx.RowToStructByName[versionUse])
}

func (u versionUse) refusal(v Version) *refusal.Error {
	var by, ways []string
	for _, kind := range []struct {
		count          int
		one, many, way string
		names          []string
	}{
		{u.Clusters, "cluster", "clusters", "delete its clusters (one that is stopped can be started again)", u.ClusterNames},
		{u.Tests, "acceptance test", "acceptance tests", "wait until it is tested no more", u.TestPools},
		{u.Requests, "request that waits", "requests that wait", "decide or withdraw what waits", u.RequestNames},
	} {
		if kind.count > 0 {
			by = append(by, refusal.Plural(kind.count, kind.one, kind.many)+" ("+firstOf(isolated(kind.names), kind.count)+")")
			ways = append(ways, kind.way)
		}
	}
	if len(by) == 0 {
		return nil
	}
	return &refusal.Error{
		Code: "version_used", Title: fmt.Sprintf("%s %s is used by %s.", typed.Isolate(v.ModelClusterName), v.Version, joinWords(by)),
		Next: sentence(joinWords(ways)) + ", and withdraw the version then.",
	}
}

// Withdrawal says of a withdrawn version since when it is, and by whom.
type Withdrawal struct {
	At     time.Time `db:"withdrawn_at"`
	Person string    // empty: the operator's command
}

// Withdrawal finds that of a version; NotFound("withdrawal") where it is not withdrawn.
func (db *DB) Withdrawal(ctx context.Context, orgID, id uuid.UUID) (Withdrawal, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT v.withdrawn_at, coalesce(p.name, '') AS person FROM model_versions v LEFT JOIN people p ON p.id = v.withdrawn_by
		WHERE v.id = $1 AND v.organization_id = $2 AND v.state = 'withdrawn'`, id, orgID)
	return store.One(rows, "withdrawal", pgx.RowToStructByName[Withdrawal])
}
