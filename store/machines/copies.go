package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/placement"
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
	needed := map[hostImage]int64{{p.Place.Head, r.HeadImage.Digest}: r.HeadImage.Bytes}
	for _, host := range p.Place.Compute {
		needed[hostImage{host, r.ComputeImage.Digest}] = r.ComputeImage.Bytes
	}
	rows, _ := tx.Query(ctx, `
		SELECT host_id, digest FROM base_images b WHERE whole AND NOT coalesce(`+imageGoing+`, false) AND host_id = ANY ($1) AND digest = ANY ($2)`,
		append(p.Place.Compute, p.Place.Head), digests(r.HeadImage, r.ComputeImage))
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

func digests(images ...placement.Image) (list []string) {
	for _, i := range images {
		list = append(list, i.Digest)
	}
	return list
}
