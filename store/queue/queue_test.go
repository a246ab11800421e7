package queue_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"volary.dev/store/queue"
)

// Kinds and argument names are stored: a process of another version has to understand them.
func TestKindsAndArgumentsStay(t *testing.T) {
	id := uuid.MustParse("01a20434-25ed-74a2-a669-4c09d5869602")
	for want, args := range map[string]interface {
		river.JobArgs
		river.JobArgsWithInsertOpts
	}{
		`verify_upload {"upload_id":"01a20434-25ed-74a2-a669-4c09d5869602"}`:                                    queue.VerifyUpload{UploadID: id},
		`discard_upload {"upload_id":"01a20434-25ed-74a2-a669-4c09d5869602"}`:                                   queue.DiscardUpload{UploadID: id},
		`fetch_upload {"upload_id":"01a20434-25ed-74a2-a669-4c09d5869602"}`:                                     queue.FetchUpload{UploadID: id},
		`delete_image {"image_id":"01a20434-25ed-74a2-a669-4c09d5869602","upload_id":"","canonical_digest":""}`: queue.DeleteImage{ImageID: id},
		`run_acceptance {"test_id":"01a20434-25ed-74a2-a669-4c09d5869602"}`:                                     queue.RunAcceptance{TestID: id},
		`check_host {"host_id":"01a20434-25ed-74a2-a669-4c09d5869602","asked":"0001-01-01T00:00:00Z"}`:          queue.CheckHost{HostID: id},
		`send_mail {"mail_id":"01a20434-25ed-74a2-a669-4c09d5869602"}`:                                          queue.SendMail{MailID: id},
	} {
		b, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		if got := args.Kind() + " " + string(b); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if o := args.InsertOpts(); !o.UniqueOpts.ByArgs || o.MaxAttempts == 0 {
			t.Errorf("%s may wait twice: %+v", args.Kind(), o)
		}
		if o := args.InsertOpts(); !slices.Contains(queue.Names(), o.Queue) {
			t.Errorf("%s waits in the queue %q, which nobody works", args.Kind(), o.Queue)
		}
	}
}
