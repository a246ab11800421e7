package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"volary.dev/store/blob"
)

// Options of Open. Bucket, Region and Credentials are needed.
type Options struct {
	Bucket      string
	Region      string
	Endpoint    string // https://…; empty: AWS's of the region
	PathStyle   bool   // the bucket is in the path and not in the host's name
	Credentials string // a file of two lines, the key's id and its secret; it may be replaced while we run
	Scratch     string // folder for what is on its way; empty: the system's temporary one
	Bound       int64  // bytes that all unfinished uploads may have together
	// Reserve promises room in the scratch folder for a file that Local brings, or refuses; nil: nobody counts.
	Reserve func(folder string, bytes int64) (release func(), err error)
}

// Open is New, Check, and Begin.
func Open(ctx context.Context, o Options) (*Bucket, error) {
	b, err := New(o)
	if err != nil {
		return nil, err
	}
	if err := b.Check(ctx); err != nil {
		return nil, err
	}
	return b, b.Begin(ctx)
}

// New looks at what lies here, the credentials and the scratch folder, and asks no server.
func New(o Options) (*Bucket, error) {
	if o.Scratch == "" {
		o.Scratch = os.TempDir()
	}
	if info, err := os.Stat(o.Scratch); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("blob bucket: the scratch folder %s is none", o.Scratch)
	}
	if _, err := readCredentials(o.Credentials); err != nil {
		return nil, fmt.Errorf("blob bucket: %w", err)
	}
	return &Bucket{client: newClient(o), name: o.Bucket, options: o}, nil
}

// Check makes sure that the bucket is there and does what is needed of it: its objects are written, read, listed and deleted, none is
// written over that was to be new, and none that is another than the one that was to be replaced. The error says which of these fails,
// for whoever configures it; blob.ErrAway where the server did not answer.
func (b *Bucket) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if err := b.check(ctx); err != nil {
		return fmt.Errorf("blob bucket %s at %s: %w", b.name, endpointName(b.options), err)
	}
	return nil
}

func endpointName(o Options) string {
	if o.Endpoint == "" {
		return "AWS, region " + o.Region
	}
	return o.Endpoint
}

// newClient has no limit for a request as a whole, since large ones take long; connecting and the first word have.
func newClient(o Options) *s3.Client {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
		t.TLSHandshakeTimeout = 10 * time.Second
		t.ResponseHeaderTimeout = pieceTime
		t.MaxIdleConnsPerHost = 32
	})
	options := s3.Options{
		Region: o.Region, UsePathStyle: o.PathStyle, HTTPClient: client,
		Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return readCredentials(o.Credentials)
		})),
		// What S3 alone knows is left out: other servers refuse it.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if o.Endpoint != "" {
		options.BaseEndpoint = aws.String(o.Endpoint)
	}
	return s3.New(options)
}

// credentialsAge is how long credentials that were read are used.
const credentialsAge = time.Minute

func readCredentials(path string) (aws.Credentials, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("its credentials: %w", err)
	}
	words := strings.Fields(string(text))
	if len(words) != 2 {
		return aws.Credentials{}, fmt.Errorf("the file of its credentials, %s, does not have two lines, the key's id and its secret", path)
	}
	return aws.Credentials{AccessKeyID: words[0], SecretAccessKey: words[1], Source: "file", CanExpire: true, Expires: time.Now().Add(credentialsAge)}, nil
}

// probeEnd bounds the removal of the object of no meaning, whatever became of the look.
const probeEnd = 5 * time.Second

// check writes, replaces, reads, lists and deletes an object of no meaning. Each request is sent once: one that is sent again after its
// answer was lost finds what the first one wrote.
func (b *Bucket) check(ctx context.Context) error {
	if _, err := readCredentials(b.options.Credentials); err != nil {
		return err
	}
	once := &Bucket{name: b.name, options: b.options, client: s3.New(b.client.Options(), func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })}
	if _, err := once.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name}); err != nil {
		return plainly(err)
	}
	mark := make([]byte, 16)
	_, _ = rand.Read(mark) // never fails
	key := "probe/" + hex.EncodeToString(mark)
	tried := once.try(ctx, key, mark)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeEnd)
	defer cancel()
	if err := once.remove(ending, key); err != nil && tried == nil {
		return fmt.Errorf("an object cannot be deleted: %w", plainly(err))
	}
	return tried
}

// noEtag is of no object: an ETag that is no digest would be refused for its form alone.
const noEtag = `"00000000000000000000000000000000"`

func (b *Bucket) try(ctx context.Context, key string, mark []byte) error {
	other := []byte(hex.EncodeToString(mark))
	etag, err := b.put(ctx, key, bytes.NewReader(other), only{absent: true})
	if err != nil {
		return fmt.Errorf("an object cannot be written: %w", plainly(err))
	}
	for _, wrong := range []struct {
		replace only
		over    string
	}{
		{only{absent: true}, "the server writes over an object that was to be new (If-None-Match); without that, two web processes could write to one upload"},
		{only{etag: noEtag}, "the server writes over an object that is another than the one to be replaced (If-Match); without that, two web processes could write to one upload"},
	} {
		switch _, err := b.put(ctx, key, bytes.NewReader(mark), wrong.replace); {
		case err == nil:
			return errors.New(wrong.over)
		case !errors.Is(err, errOther):
			return fmt.Errorf("a write that is to be refused (If-None-Match, If-Match) cannot be tried: %w", plainly(err))
		}
	}
	if _, err := b.put(ctx, key, bytes.NewReader(mark), only{etag: etag}); errors.Is(err, errOther) {
		return fmt.Errorf("the server does not replace the object that was named (If-Match); without that, no upload goes on: %w", err)
	} else if err != nil {
		return fmt.Errorf("an object cannot be replaced (If-Match): %w", plainly(err))
	}
	got, err := b.small(ctx, key)
	if err != nil {
		return fmt.Errorf("an object cannot be read: %w", plainly(err))
	}
	if !bytes.Equal(got, mark) {
		return errors.New("an object is not read as it was written")
	}
	list, _, err := b.page(ctx, key, "")
	if err != nil {
		return fmt.Errorf("objects cannot be listed: %w", plainly(err))
	}
	if len(list) != 1 {
		return errors.New("an object that was written is not listed")
	}
	return nil
}

// plainly says what the server's answer means for whoever configures it.
func plainly(err error) error {
	var answer *awshttp.ResponseError
	status := 0
	if errors.As(err, &answer) {
		status = answer.HTTPStatusCode()
	}
	var api smithy.APIError
	code := ""
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	switch {
	case errors.Is(err, blob.ErrFull):
		return fmt.Errorf("it has no room: %w: %w", blob.ErrAway, err)
	case status == 0 && !errors.Is(err, blob.ErrNotFound):
		return fmt.Errorf("%w: %w", blob.ErrAway, err)
	case status == http.StatusNotImplemented:
		return fmt.Errorf("the server does not know this: %w", err)
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return fmt.Errorf("%w but with status %d: %w", blob.ErrAway, status, err)
	case status == http.StatusNotFound, errors.Is(err, blob.ErrNotFound):
		return errors.New("there is no such bucket")
	case code == "SignatureDoesNotMatch", code == "InvalidAccessKeyId":
		return errors.New("the credentials are refused: the key's id or its secret is wrong")
	case status == http.StatusForbidden:
		return errors.New("the credentials are refused, or may not do this")
	case status == http.StatusMovedPermanently, status == http.StatusBadRequest:
		return fmt.Errorf("the region or the endpoint is another: %w", err)
	}
	return err
}
