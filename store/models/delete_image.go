package models

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/queue"
)

// DeleteImage removes an image that nothing uses, and its upload with the last of those that came of it; its bytes and its copies on
// hosts follow. Refusals: "image_used" (a version has it, and what runs from that), NotFound.
func (db *DB) DeleteImage(ctx context.Context, orgID, by, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// The lock is the one that foreign keys wait for: a version or a launch that takes the image up meanwhile comes
		// either before, and is seen, or after, and finds none.
		if err := tx.QueryRow(ctx, `SELECT FROM images WHERE organization_id = $1 AND id = $2 FOR UPDATE`, orgID, id).Scan(); err != nil {
			return store.Found(err, "image")
		}
		i, err := readImage(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		if refusal, err := useOfImage(ctx, tx, i); err != nil || refusal != nil {
			return orRefusal(err, refusal)
		}
		if err := i.remove(ctx, tx); err != nil {
			return err
		}
		job := queue.DeleteImage{ImageID: id, UploadID: i.UploadID, CanonicalDigest: i.CanonicalDigest}
		if err := store.Enqueue(ctx, tx, job); err != nil {
			return fmt.Errorf("ask for the removal of image %s: %w", id, err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Verb: "delete image", Subject: "image", SubjectID: id,
			Detail: map[string]any{"name": i.Name, "size": i.CanonicalSize, "canonical_digest": i.CanonicalDigest},
		})
	})
}

// orRefusal keeps a nil refusal from becoming an error.
func orRefusal(err error, r *refusal.Error) error {
	if err == nil && r != nil {
		return r
	}
	return err
}

func (i Image) remove(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `DELETE FROM images WHERE id = $1`, i.ID); err != nil {
		return fmt.Errorf("delete image %s: %w", i.ID, err)
	}
	// Locked first: of two that delete the last two images at once, the second one sees that the first is gone.
	if _, err := tx.Exec(ctx, `SELECT FROM uploads WHERE id = $1 FOR UPDATE`, i.UploadID); err != nil {
		return fmt.Errorf("lock upload of image %s: %w", i.ID, err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM uploads WHERE id = $1 AND NOT EXISTS (SELECT FROM images WHERE upload_id = $1)`, i.UploadID); err != nil {
		return fmt.Errorf("delete upload of image %s: %w", i.ID, err)
	}
	// Two organizations may have brought the same bytes: they are gone with the last of their images.
	if _, err := tx.Exec(ctx, `
		INSERT INTO gone_images (canonical_digest, gone_at) SELECT $1::text, clock_timestamp()
		WHERE NOT EXISTS (SELECT FROM `+namedDigests+` AS n WHERE n.digest = $1::text)
		ON CONFLICT (canonical_digest) DO UPDATE SET gone_at = clock_timestamp()`, i.CanonicalDigest); err != nil {
		return fmt.Errorf("note that image %s is gone: %w", i.ID, err)
	}
	return nil
}

// UseOfImage is the refusal with which DeleteImage would answer now; nil: none.
func (db *DB) UseOfImage(ctx context.Context, orgID, id uuid.UUID) (*refusal.Error, error) {
	i, err := readImage(ctx, db.pool, orgID, id)
	if err != nil {
		return nil, err
	}
	return useOfImage(ctx, db.pool, i)
}

// namedUsers is how many of each kind a refusal names.
const namedUsers = 3

// imageUse counts who uses an image and names the first of each kind.
type imageUse struct {
	Versions, Published, Clusters, Tests                     int
	VersionNames, PublishedNames, ClusterNames, VersionTests []string
}

func useOfImage(ctx context.Context, q store.Queryer, i Image) (*refusal.Error, error) {
	u, err := readUse(ctx, q, i.ID)
	if err != nil {
		return nil, err
	}
	return u.refusal(i), nil
}

// UsersOfImage names what uses an image: "2 versions (trial 1.0, trial 2.0) and 1 cluster (x)"; empty: nothing does.
func (db *DB) UsersOfImage(ctx context.Context, i Image) (string, error) {
	u, err := readUse(ctx, db.pool, i.ID)
	if err != nil || len(u.words()) == 0 {
		return "", err
	}
	return joinWords(u.words()), nil
}

func readUse(ctx context.Context, q store.Queryer, id uuid.UUID) (imageUse, error) {
	rows, _ := q.Query(ctx, `
		WITH versions AS (
			SELECT v.state, m.name || ' ' || v.version AS name FROM model_versions v JOIN model_clusters m ON m.id = v.model_cluster_id
			WHERE v.id IN (SELECT version_id FROM version_roles WHERE image_id = $1)
		), clusters AS (
			SELECT c.kind, c.name, m.name || ' ' || v.version AS version
			FROM clusters c JOIN model_versions v ON v.id = c.version_id JOIN model_clusters m ON m.id = v.model_cluster_id
			WHERE c.id IN (SELECT cluster_id FROM nodes WHERE image_id = $1 AND state <> 'gone')
		)
		SELECT v.*, c.*
		FROM (SELECT count(*)::int AS versions, (count(*) FILTER (WHERE state = 'published'))::int AS published,
				coalesce((array_agg(name ORDER BY name))[1:$2], '{}') AS version_names,
				coalesce((array_agg(name ORDER BY name) FILTER (WHERE state = 'published'))[1:$2], '{}') AS published_names FROM versions) AS v,
			(SELECT (count(*) FILTER (WHERE kind = 'cluster'))::int AS clusters, (count(*) FILTER (WHERE kind = 'test'))::int AS tests,
				coalesce((array_agg(name ORDER BY name) FILTER (WHERE kind = 'cluster'))[1:$2], '{}') AS cluster_names,
				coalesce((array_agg(version ORDER BY version) FILTER (WHERE kind = 'test'))[1:$2], '{}') AS version_tests FROM clusters) AS c`,
		id, namedUsers)
	return store.One(rows, "use of image", pgx.RowToStructByName[imageUse])
}

// words name who uses it; empty: nobody.
func (u imageUse) words() (by []string) {
	for _, kind := range []struct {
		count int
		noun  string
		names []string
	}{{u.Versions, "version", u.VersionNames}, {u.Clusters, "cluster", u.ClusterNames}, {u.Tests, "acceptance test", u.VersionTests}} {
		if kind.count > 0 {
			by = append(by, refusal.Plural(kind.count, kind.noun, kind.noun+"s")+" ("+firstOf(isolated(kind.names), kind.count)+")")
		}
	}
	return by
}

func (u imageUse) refusal(i Image) *refusal.Error {
	by := u.words()
	if len(by) == 0 {
		return nil
	}
	return &refusal.Error{
		Code: "image_used", Title: fmt.Sprintf("\"%s\" is used by %s.", typed.Isolate(i.Name), joinWords(by)), Next: u.next(),
	}
}

func isolated(names []string) (all []string) {
	for _, name := range names {
		all = append(all, typed.Isolate(name))
	}
	return all
}

// next is the way to an image that nothing uses, in the order in which it can be gone: what runs, runs from a published version.
func (u imageUse) next() string {
	var ways []string
	if u.Clusters > 0 {
		ways = append(ways, "delete what runs from it")
	}
	if u.Tests > 0 {
		ways = append(ways, "wait for the end of what is tested")
	}
	if u.Published > 0 {
		ways = append(ways, "withdraw "+firstOf(isolated(u.PublishedNames), u.Published))
	}
	if drafts := u.Versions - u.Published; drafts > 0 {
		ways = append(ways, "give each draft another image")
	}
	return sentence(joinWords(ways)) + ", and delete this image then."
}

// sentence begins with a capital letter.
func sentence(words string) string { return strings.ToUpper(words[:1]) + words[1:] }

// firstOf names some of a number of things.
func firstOf(names []string, count int) string {
	text := strings.Join(names, ", ")
	if more := count - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// joinWords writes "a", "a and b", "a, b and c".
func joinWords(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
