package machines

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// BaseImage is a base image of a host.
type BaseImage struct {
	Digest string // canonical
	Bytes  int64  // that it takes of the host's disk, or will take
	There  bool   // false: nodes will stand on it, and it is not there yet
	Whole  bool
	UsedAt *time.Time // when it was last seen in use; nil where it is not there yet
	Nodes  int        // that stand on it or will, all but gone ones
	Coming bool       // a worker brings it
	Going  bool       // a worker removes it
	Old    bool       // nobody used it for ImagesKept
}

// Used tells whether it counts in the host's disk for launches. What nobody uses makes room for one.
func (i BaseImage) Used() bool { return i.Nodes > 0 || i.Coming }

// ImagesKept is how long a host keeps a base image that nobody uses, where its disk does not get short before.
const ImagesKept = 30 * 24 * time.Hour

// What a claim on an image says now. That one is held for so long that nobody could have claimed it means that the clock was set back.
const (
	imageComing = `(b.brought_until > clock_timestamp() AND b.brought_until < clock_timestamp() + interval '1 hour')`
	imageGoing  = `(b.going_until > clock_timestamp() AND b.going_until < clock_timestamp() + interval '1 hour')`
)

// imagesOfHost are the base images of host h: those that are there, and those that its nodes will stand on.
const imagesOfHost = `
	SELECT x.digest, max(x.bytes)::bigint AS bytes, sum(x.nodes)::int AS nodes, bool_or(x.there) AS there, bool_or(x.whole) AS whole,
		max(x.used_at) AS used_at, bool_or(x.coming) AS coming, bool_or(x.going) AS going
	FROM (
		SELECT b.digest, b.bytes, 0 AS nodes, true AS there, b.whole, b.used_at, coalesce(` + imageComing + `, false) AS coming, coalesce(` + imageGoing + `, false) AS going
		FROM base_images b WHERE b.host_id = h.id
		UNION ALL
		SELECT n.image_digest, i.canonical_size, n.count, false, false, NULL, false, false
		FROM (SELECT image_id, image_digest, count(*) FROM nodes WHERE host_id = h.id AND state <> 'gone' GROUP BY image_id, image_digest) AS n
		JOIN images i ON i.id = n.image_id) AS x
	GROUP BY x.digest`

// diskOfImages sums what base images take of host h: by digest what is used, and what is not.
const diskOfImages = `
	SELECT coalesce(jsonb_object_agg(i.digest, i.bytes) FILTER (WHERE i.nodes > 0 OR i.coming), '{}') AS images,
		coalesce(sum(i.bytes) FILTER (WHERE i.nodes > 0 OR i.coming), 0)::bigint AS image_bytes,
		coalesce(sum(i.bytes) FILTER (WHERE NOT (i.nodes > 0 OR i.coming)), 0)::bigint AS spare_bytes
	FROM (` + imagesOfHost + `) AS i`

const selectBaseImages = `
	SELECT i.digest, i.bytes, i.there, i.whole, i.used_at, i.nodes, i.coming, i.going,
		coalesce(i.used_at < clock_timestamp() - $2::interval, false) AS old
	FROM hosts h CROSS JOIN LATERAL (` + imagesOfHost + `) AS i`

// HostImages lists a host's base images: first those in use, then by last use, the latest first.
func (db *DB) HostImages(ctx context.Context, providerID, id uuid.UUID) ([]BaseImage, error) {
	rows, _ := db.pool.Query(ctx, selectBaseImages+`
		WHERE h.id = $1 AND h.provider_id = $3 ORDER BY i.nodes > 0 DESC, i.used_at DESC NULLS FIRST, i.digest`, id, ImagesKept, providerID)
	return store.All(rows, "base images of a host", pgx.RowToStructByName[BaseImage])
}
