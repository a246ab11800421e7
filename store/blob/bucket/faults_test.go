package bucket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"volary.dev/store/blob"
)

func TestFaultsOfServers(t *testing.T) {
	answer := func(status int, code string) error {
		return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: &smithy.GenericAPIError{Code: code},
		}}
	}
	for name, c := range map[string]struct {
		err, want error
	}{
		"an absent object":      {answer(404, "NoSuchKey"), blob.ErrNotFound},
		"an absent one by HEAD": {answer(404, "NotFound"), blob.ErrNotFound},
		"full":                  {answer(507, "InternalError"), blob.ErrFull},
		"a quota":               {answer(403, "QuotaExceeded"), blob.ErrFull},
		"another's object":      {answer(412, "PreconditionFailed"), errOther},
		"busy":                  {answer(503, "SlowDown"), blob.ErrAway},
		"broken":                {answer(500, "InternalError"), blob.ErrAway},
		"nobody there":          {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, blob.ErrAway},
		"too slow":              {context.DeadlineExceeded, blob.ErrAway},
		"our own folder":        {&os.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, blob.ErrFull},
	} {
		if err := fault("keep", "images/x", c.err); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if err := fault("keep", "x", answer(404, "NoSuchBucket")); errors.Is(err, blob.ErrNotFound) {
		t.Error("a bucket that is gone makes every image gone")
	}
	for name, err := range map[string]error{
		"refused": answer(403, "AccessDenied"), "unknown": answer(501, "NotImplemented"), "cancelled": context.Canceled, "full": answer(507, ""),
		"our own folder": &os.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC},
	} {
		if err := fault("keep", "x", err); errors.Is(err, blob.ErrAway) {
			t.Errorf("%s is taken for a server that is away: %v", name, err)
		}
	}
	if err := fault("keep", "x", answer(503, "SlowDown")); errors.Is(err, blob.ErrFull) || errors.Is(err, blob.ErrNotFound) || err == nil {
		t.Errorf("a busy server: %v", err)
	}
	if fault("keep", "x", nil) != nil {
		t.Error("no error became one")
	}
}

// What a dead worker left of Local is removed by the next one, and what a live one reads stays.
func TestScratchOfTheDeadIsRemoved(t *testing.T) {
	folder := t.TempDir()
	file := func(name string) (string, *os.File) {
		path := filepath.Join(folder, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return path, f
	}
	dead, _ := file(localPrefix + "dead")
	live, held := file(localPrefix + "live")
	others, _ := file("image-of-another")
	if err := syscall.Flock(int(held.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	sweep(folder, time.Now().Add(-time.Hour))
	if _, err := os.Stat(dead); err != nil {
		t.Errorf("one that may not be locked yet: %v", err)
	}
	sweep(folder, time.Now().Add(time.Hour))
	for path, there := range map[string]bool{dead: false, live: true, others: true} {
		if _, err := os.Stat(path); (err == nil) != there {
			t.Errorf("%s: %v, want it there: %v", path, err, there)
		}
	}
}

func TestPlainWords(t *testing.T) {
	if text := fmt.Sprint(plainly(errors.New("dial tcp: refused"))); !strings.Contains(text, "does not answer") {
		t.Error(text)
	}
}
