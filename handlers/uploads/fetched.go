package uploads

import (
	"net/http"

	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/models"
)

// refuseFetched refuses to send an upload, or to ask how far it is, that the worker fetches from an address; it may be discarded.
func refuseFetched(method string, upload models.Upload) error {
	if upload.Source == "" || !upload.Arrives() || method == http.MethodDelete {
		return nil
	}
	return &refusal.Error{
		Code: "conflict", Title: typed.Isolate(upload.Filename) + " is fetched from an address, and not sent.", Next: "Upload your file as a new one, or discard that upload.",
	}
}
