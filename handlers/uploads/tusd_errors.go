package uploads

import (
	"net/http"
	"strconv"
	"strings"

	"volary.dev/handlers/respond"
	"volary.dev/provisioner/refusal"
)

// tusdErrors says in words of ours, and with a code of ours, what the tus handler answers by itself ("ERR_X: …"); the status stays that of the
// protocol. Its own have no next step, and without a code nobody tells them from a gateway's.
var tusdErrors = map[string]refusal.Error{
	"ERR_UNSUPPORTED_VERSION":   {Code: "malformed", Title: "The request does not say that it speaks tus 1.0.0.", Next: "Send the header Tus-Resumable: 1.0.0."},
	"ERR_INVALID_CONTENT_TYPE":  {Code: "malformed", Title: "The request does not say that it holds bytes of a file.", Next: "Send the header Content-Type: application/offset+octet-stream."},
	"ERR_INVALID_UPLOAD_LENGTH": {Code: "malformed", Title: "The upload does not say how large it is.", Next: "Send its size in Upload-Length, as a whole number of bytes."},
	"ERR_INVALID_OFFSET":        {Code: "malformed", Title: "The request does not say where its bytes go.", Next: "Send in Upload-Offset the number that HEAD answers there."},
	"ERR_MISMATCHED_OFFSET":     {Code: "offset", Title: "These bytes do not begin where the upload ends now.", Next: "Ask by HEAD how much is here, and go on from there."},
	"ERR_UPLOAD_SIZE_EXCEEDED":  {Code: "too_large", Title: "The request holds more than the upload lacks.", Next: "Nothing of it was kept. Ask by HEAD how much is here, and send what is missing; or discard the upload and begin one of the file's size."},
	"ERR_MAX_SIZE_EXCEEDED":     {Code: "too_large", Title: "The file is larger than any that is taken.", Next: "Compress it: qemu-img convert -c -O qcow2 FILE disk.qcow2."},
	"ERR_UPLOAD_NOT_FOUND":      {Code: "not_found", Title: "There is no such upload.", Next: "Go back to the list and choose one."},
	"ERR_UPLOAD_LOCKED":         {Code: "busy", Title: "Another request still sends this upload.", Next: "Try again in a moment."},
	"ERR_LOCK_TIMEOUT":          {Code: "busy", Title: "Another request still sends this upload.", Next: "Try again in a moment."},
	"ERR_UPLOAD_INTERRUPTED":    {Code: "interrupted", Title: "Another request took this upload over, or discarded it.", Next: "Ask by HEAD how much is here, and go on from there."},
	"ERR_UPLOAD_STOPPED":        {Code: "interrupted", Title: "Another request took this upload over, or discarded it.", Next: "Ask by HEAD how much is here, and go on from there."},
	"ERR_UNEXPECTED_EOF":        {Code: "interrupted", Title: "The request ended before all of it was here.", Next: "Ask by HEAD how much is here, and go on from there."},
	"ERR_CONNECTION_RESET":      {Code: "interrupted", Title: "The connection was cut.", Next: "Ask by HEAD how much is here, and go on from there."},
	"ERR_READ_TIMEOUT":          {Code: "too_slow", Title: "The request took too long to arrive.", Next: "Ask by HEAD how much is here, and go on from there."},
	"ERR_SERVER_SHUTDOWN":       {Code: "busy", Title: "The portal is restarted.", Next: "What arrived is kept. Go on in a moment."},
}

// ofStatus is what HEAD gets, which has no text to tell by.
var ofStatus = map[int]string{
	http.StatusPreconditionFailed: "ERR_UNSUPPORTED_VERSION", http.StatusNotFound: "ERR_UPLOAD_NOT_FOUND", http.StatusLocked: "ERR_UPLOAD_LOCKED",
	http.StatusServiceUnavailable: "ERR_SERVER_SHUTDOWN",
}

// inWords is an answer of the tus handler that is no refusal of ours, in our words.
func inWords(status int, text []byte) refusal.Error {
	name, _, _ := strings.Cut(string(text), ":")
	if len(text) == 0 {
		name = ofStatus[status]
	}
	if r, known := tusdErrors[name]; known {
		return r
	}
	if status < http.StatusInternalServerError {
		return refusal.Error{Code: "malformed", Title: "The request is none that is known here.", Next: "Speak tus 1.0.0, with the extensions creation and termination alone."}
	}
	return refusal.Error{Code: "internal", Title: "Something went wrong on our side.", Next: "Nothing that was sent is lost. Try again."}
}

// foreign tells, before an answer's headers are gone, whether it is an error of the tus handler's own.
func (a *uploadAnswer) foreign(status int) bool {
	return status >= http.StatusBadRequest && a.Header().Get(respond.RefusalHeader) == ""
}

// translate answers in our words. The caller holds mu.
func (a *uploadAnswer) translate(text []byte) {
	a.untold = false
	r := inWords(a.status, text)
	a.Header().Set(respond.RefusalHeader, r.Code)
	body := r.Title + " " + r.Next + "\n"
	a.Header().Set("Content-Type", "text/plain; charset=utf-8")
	a.Header().Set("Content-Length", strconv.Itoa(len(body)))
	a.ResponseWriter.WriteHeader(a.status)
	_, _ = a.ResponseWriter.Write([]byte(body)) // who went away reads nothing; net/http drops it for HEAD
}
