package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"volary.dev/store/blob"
)

// fault names what failed, and blob's errors in it; nil stays nil. What the server said is for the log.
func fault(what, key string, err error) error {
	if err == nil {
		return nil
	}
	code, status := "", 0
	var api smithy.APIError
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		status = answer.HTTPStatusCode()
	}
	switch {
	case code == "NoSuchKey", code == "NoSuchUpload", code == "NotFound", status == http.StatusNotFound && code != "NoSuchBucket":
		return fmt.Errorf("%w: %s", blob.ErrNotFound, key)
	case status == http.StatusInsufficientStorage, code == "QuotaExceeded", code == "InsufficientStorage", code == "XMinioStorageFull", code == "StorageFull":
		return fmt.Errorf("%w: %s %s: %w", blob.ErrFull, what, key, err)
	case status == http.StatusPreconditionFailed, status == http.StatusConflict:
		return fmt.Errorf("%w: %s %s: %w", errOther, what, key, err)
	case errors.Is(local(err), blob.ErrFull), errors.Is(err, context.Canceled):
	case status == 0 && api == nil, status >= http.StatusInternalServerError && status != http.StatusNotImplemented,
		status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return fmt.Errorf("%w: %s %s: %w", blob.ErrAway, what, key, err)
	}
	return fmt.Errorf("%s %s: %w", what, key, local(err))
}

// unknown tells whether the server does not know such a request.
func unknown(err error) bool {
	var answer *awshttp.ResponseError
	return errors.As(err, &answer) && (answer.HTTPStatusCode() == http.StatusNotImplemented || answer.HTTPStatusCode() == http.StatusMethodNotAllowed || answer.HTTPStatusCode() == http.StatusBadRequest)
}

// local names ErrFull where our own scratch folder has no room.
func local(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", blob.ErrFull, err)
	}
	return err
}
