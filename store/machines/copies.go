package machines

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// Copies are the base images that a launch's hosts have yet to get before its nodes start. How fast they come depends on who else
// is copied to: it is said in bytes, and not in time.
type Copies struct {
	Hosts int   // that lack one
	Bytes int64 // of all copies together
}

// hostImage is one image on one host.
type hostImage struct {
	HostID uuid.UUID
	Digest string
}

// copies compares what a plan's hosts need with what they have whole.
func (c launchCase) copies(ctx context.Context, tx pgx.Tx, p launchPlan) (n Copies, err error) {
	r := c.request(p)
	needed := map[hostImage]int64{{p.Place.Head, r.Head.Image.Digest}: r.Head.Image.Bytes}
	digests, at := []string{r.Head.Image.Digest}, 0
	for _, g := range r.Groups {
		digests = append(digests, g.Node.Image.Digest)
		for _, host := range p.Place.Compute[at : at+g.Count] {
			needed[hostImage{host, g.Node.Image.Digest}] = g.Node.Image.Bytes
		}
		at += g.Count
	}
	rows, _ := tx.Query(ctx, `
		SELECT host_id, digest FROM base_images b WHERE whole AND NOT coalesce(`+imageGoing+`, false) AND host_id = ANY ($1) AND digest = ANY ($2)`,
		append(slices.Clone(p.Place.Compute), p.Place.Head), digests)
	there, err := store.All(rows, "images on hosts", pgx.RowToStructByPos[hostImage])
	if err != nil {
		return n, err
	}
	for _, i := range there {
		delete(needed, i)
	}
	lacking := map[uuid.UUID]bool{}
	for i, bytes := range needed {
		lacking[i.HostID] = true
		n.Bytes += bytes
	}
	n.Hosts = len(lacking)
	return n, nil
}
