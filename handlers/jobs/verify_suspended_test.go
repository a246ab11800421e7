package jobs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/riverqueue/river"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
)

// No check begins for an organization that is suspended: its upload waits with the reason, and is checked once that is lifted.
func TestVerifyUploadOfTheSuspendedWaits(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	do := func(statement string) {
		_, err := u.Pool.Exec(t.Context(), statement)
		loopstest.NoError(t, err)
	}
	do(`UPDATE organizations SET suspended_at = now(), suspended_reason = 'unpaid since May'`)
	var later *river.JobSnoozeError
	if err := u.Work(t.Context(), 1); !errors.As(err, &later) {
		t.Errorf("while suspended: %v", err)
	}
	if up := u.Read(); up.State != provisioner.UploadChecking || !strings.HasPrefix(up.Reason, "The check begins by itself") || !strings.Contains(up.Reason, "unpaid since May") || len(up.Checks) != 0 || u.BytesGone() {
		t.Errorf("the upload is %s: %s, with %d checks", up.State, up.Reason, len(up.Checks))
	}
	do(`UPDATE organizations SET suspended_at = NULL, suspended_reason = ''`)
	loopstest.NoError(t, u.Work(t.Context(), 1))
	if up := u.Read(); up.State != provisioner.UploadDone {
		t.Errorf("once it is lifted the upload is %s: %s", up.State, up.Reason)
	}
}
