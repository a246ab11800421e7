package machines_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// Nothing starts from an image that has lost its bytes: a launch, a test and a publication are refused, and leave nothing.
func TestNothingStartsFromALostImage(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	d := storetest.DraftOf(w)
	d.ID = storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(ctx, w.Organization, w.Person, d))
	for loss, said := range map[models.BlobLoss]string{models.BlobGone: "gone from the store", models.BlobSize: "not as many", models.BlobOther: "not those"} {
		storetest.Must[int](t)(w.DB.Models.MarkBlob(ctx, storetest.Digest, loss))
		_, launched := w.DB.Machines.LaunchCluster(ctx, w.Organization, w.Person, storetest.OneHour(w, "trial-1", 1))
		_, tested := w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID)
		for what, err := range map[string]error{"launch": launched, "test": tested, "publish": w.DB.Models.PublishVersion(ctx, w.Organization, w.Person, d.ID, 1)} {
			if r := storetest.WantRefusal(t, err, "image_lost"); !strings.Contains(r.Title, said) || !strings.Contains(r.Title, "sample.qcow2") || r.Next == "" {
				t.Errorf("%s from one that is %s: %q", what, loss, r.Title)
			}
		}
	}
	var clusters int
	storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT count(*) FROM clusters`).Scan(&clusters))
	storetest.Must[int](t)(w.DB.Models.MarkBlob(ctx, storetest.Digest, models.BlobWhole))
	if _, err := w.DB.Machines.LaunchCluster(ctx, w.Organization, w.Person, storetest.OneHour(w, "trial-1", 1)); err != nil || clusters != 0 {
		t.Errorf("once it is whole: %v; before, %d clusters", err, clusters)
	}
	storetest.NoError(t, w.DB.Models.PublishVersion(ctx, w.Organization, w.Person, d.ID, 1))
}
