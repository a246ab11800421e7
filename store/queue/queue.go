package queue

import (
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// The queues, by what their jobs need: one that takes hours never stands before one that takes a second.
const (
	Mail       = "mail"       // a second each, of a mail server
	Verify     = "verify"     // seconds to an hour of processor and disk
	Fetch      = "fetch"      // minutes to hours, of a line
	Acceptance = "acceptance" // a look of a second each; between two looks a test holds no place
	Hosts      = "hosts"      // minutes each, of a host: checks; and the removal of the bytes of deleted images and discarded uploads
)

// Names gives every queue.
func Names() []string { return []string{Mail, Verify, Fetch, Acceptance, Hosts} }

// VerifyUpload asks for the verdict on an upload, which makes its images.
type VerifyUpload struct {
	UploadID uuid.UUID `json:"upload_id" river:"unique"` // an upload's id, written as a UUID
}

// Kind names the job.
func (VerifyUpload) Kind() string { return "verify_upload" }

// InsertOpts lets one verification of an upload wait or run at a time.
func (VerifyUpload) InsertOpts() river.InsertOpts { return once(Verify, 3) }

// FetchUpload asks for an upload to be fetched from its address.
type FetchUpload struct {
	UploadID uuid.UUID `json:"upload_id" river:"unique"` // as of VerifyUpload
}

// Kind names the job.
func (FetchUpload) Kind() string { return "fetch_upload" }

// InsertOpts lets one fetch of an upload wait or run at a time. A cut line is no attempt: these are for what fails here.
func (FetchUpload) InsertOpts() river.InsertOpts { return once(Fetch, 12) }

// DiscardUpload asks for what is left of the bytes of an upload to be removed, which was discarded after they had all come.
type DiscardUpload struct {
	UploadID uuid.UUID `json:"upload_id" river:"unique"` // as of VerifyUpload
}

// Kind names the job.
func (DiscardUpload) Kind() string { return "discard_upload" }

// InsertOpts lets the removal be tried for about half a day.
func (DiscardUpload) InsertOpts() river.InsertOpts { return once(Hosts, 12) }

// DeleteImage asks for the bytes of a deleted image to be removed: of its upload, and of its canonical form where no other
// image has the same.
type DeleteImage struct {
	ImageID         uuid.UUID `json:"image_id" river:"unique"`
	UploadID        string    `json:"upload_id"`        // empty: there is none
	CanonicalDigest string    `json:"canonical_digest"` // empty likewise
}

// Kind names the job.
func (DeleteImage) Kind() string { return "delete_image" }

// InsertOpts lets the deletion of an image be tried for about half a day.
func (DeleteImage) InsertOpts() river.InsertOpts { return once(Hosts, 12) }

// RunAcceptance asks for an acceptance test to be followed to its end.
type RunAcceptance struct {
	TestID uuid.UUID `json:"test_id" river:"unique"`
}

// Kind names the job.
func (RunAcceptance) Kind() string { return "run_acceptance" }

// InsertOpts lets one run of a test wait or run at a time. A look that fails is taken again: attempts are for panics.
func (RunAcceptance) InsertOpts() river.InsertOpts { return once(Acceptance, 3) }

// CheckHost asks for the check of a host: connection, versions, probe guest, storage, a packet over an overlay.
type CheckHost struct {
	HostID uuid.UUID `json:"host_id" river:"unique"`
	Asked  time.Time `json:"asked"` // a check asked for again after this one began is a new check
}

// Kind names the job.
func (CheckHost) Kind() string { return "check_host" }

// InsertOpts lets one check of a host wait or run at a time.
func (CheckHost) InsertOpts() river.InsertOpts { return once(Hosts, 3) }

// SendMail asks for a mail to be rendered and sent, or kept where no SMTP is configured.
type SendMail struct {
	MailID uuid.UUID `json:"mail_id" river:"unique"`
}

// Kind names the job.
func (SendMail) Kind() string { return "send_mail" }

// InsertOpts lets a mail be tried for about half a day: River waits longer after each failure.
func (SendMail) InsertOpts() river.InsertOpts { return once(Mail, 12) }

// once refuses a second job with the same arguments until the first has ended one way or the other.
func once(queue string, attempts int) river.InsertOpts {
	return river.InsertOpts{
		Queue:       queue,
		MaxAttempts: attempts,
		UniqueOpts: river.UniqueOpts{
			ByArgs: true,
			ByState: []rivertype.JobState{
				rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
				rivertype.JobStateRunning, rivertype.JobStateScheduled,
			},
		},
	}
}
