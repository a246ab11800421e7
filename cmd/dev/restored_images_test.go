package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/cmd/internal/demo"
	"volary.dev/cmd/internal/postgres"
	"volary.dev/cmd/internal/session"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/floors"
	"volary.dev/store/people"
)

// restoredImage is one whose bytes came back from a backup, or not.
type restoredImage struct {
	name   string
	digest string
	spoil  func(path string) error // what befalls its copy; nil: nothing
	says   string                  // afterwards, on its page and by the command; empty: nothing
	id     uuid.UUID
}

// TestRestoredImagesAreThereOrSayThatTheyAreNot restores a dump and a copy of the blob folder elsewhere, by the guide's commands. Of four images
// one is missing in the copy, one was cut short and one has another byte: the guide's last command names these, and so do the pages, until
// their bytes are back.
func TestRestoredImagesAreThereOrSayThatTheyAreNot(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the programs and moves a deployment from one PostgreSQL to another")
	}
	v := prepareVolary(t, "images")
	v.kind, v.bare = hostsMemory, true
	g := guide{text: readFile(t, filepath.Join(v.root, ".readme", "operate.md")), env: []string{
		"PATH=" + strings.Join([]string{v.programs, postgres.DebianBinaries(), os.Getenv("PATH")}, ":"),
		"VOLARY_BLOB_DIR=" + v.path("blob"), "BACKUP=" + v.path("backup"),
	}}
	if err := os.Mkdir(v.path("backup"), 0o700); err != nil {
		t.Fatal(err)
	}
	backup, restore := v.deploys(t, &g)
	images := []*restoredImage{
		{name: "whole.img"},
		{name: "missing.img", spoil: os.Remove, says: "are gone from the store"},
		{name: "short.img", spoil: func(path string) error { return os.Truncate(path, 100) }, says: "in the store are not as many as were kept"},
		{name: "other.img", spoil: flip, says: "in the store are not those that were kept"},
	}
	v.keepsImages(t, images)
	g.run(t, backup)
	good := v.path("good")
	if err := os.CopyFS(good, os.DirFS(v.path("backup", "blob"))); err != nil {
		t.Fatal(err)
	}
	for _, i := range images {
		if i.spoil != nil {
			if err := i.spoil(v.path("backup", "blob", "images", i.digest+".qcow2")); err != nil {
				t.Fatal(err)
			}
		}
	}
	v.pool.Close()
	v.disappears(t)

	v.startsEmpty(t, &g)
	said, err := g.try(t, restore[0])
	if err == nil || !strings.Contains(said, "The ledger is whole") || !strings.Contains(said, "of 4 blobs of images, 3 are lost, and 0 could not be read") || strings.Contains(said, "whole.img") {
		t.Errorf("the restore: %v, and it says %s", err, said)
	}
	for _, i := range images {
		if i.says != "" && !strings.Contains(said, i.digest+"  its bytes "+i.says) || i.says != "" && !strings.Contains(said, `image "`+i.name+`" of Atlas`) {
			t.Errorf("%s is not named: %s", i.name, said)
		}
	}
	v.limits(t, said)
	for _, step := range []func(context.Context) (string, error){v.migrate, v.startWorker, v.startWeb} {
		if _, err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	v.imagesSay(t, images, 3)
	if err := os.RemoveAll(v.path("blob")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(v.path("blob"), os.DirFS(good)); err != nil {
		t.Fatal(err)
	}
	if said := g.run(t, "volary blobs verify"); !strings.Contains(said, "The images are whole: 4 blobs") {
		t.Errorf("with all bytes: %s", said)
	}
	for _, i := range images {
		i.says = ""
	}
	v.imagesSay(t, images, 0)
}

// flip changes one byte of a file, and neither its size nor its time.
func flip(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return os.Chtimes(path, time.Time{}, info.ModTime())
}

// keepsImages makes images of an organization, each with bytes of its own, whose one member also runs the platform.
func (v *volary) keepsImages(t *testing.T, images []*restoredImage) {
	t.Helper()
	if _, err := v.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db := floors.New(v.pool, store.Options{})
	org, err := db.People.CreateOrganization(t.Context(), uuid.Nil, "Atlas")
	if err != nil {
		t.Fatal(err)
	}
	person, err := db.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: "ada@atlas.example", Name: "Ada", Password: demo.Password})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.OpenDirectory(v.path("blob"))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{db.People.AddMember(t.Context(), uuid.Nil, org, person, people.RoleOwner), db.People.SetPlatformAdmin(t.Context(), uuid.Nil, person, true)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range images {
		content := bytes.Repeat([]byte(i.name), 1000)
		sum := sha256.Sum256(content)
		i.digest = hex.EncodeToString(sum[:])
		key, err := blob.ImageKey(i.digest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := blobs.Put(t.Context(), key, bytes.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		upload := i.digest[:32]
		for _, step := range []func() error{
			func() error {
				return db.Models.CreateUpload(t.Context(), org, person, upload, i.name, int64(len(content)))
			},
			func() error { return db.Models.FinishUpload(t.Context(), person, upload) },
			func() error {
				_, err := db.Models.RecordVerdict(t.Context(), upload, provisioner.UploadVerdict{State: provisioner.UploadDone, Format: "raw", Digest: i.digest, Images: []provisioner.VerifiedImage{
					{VirtualSize: 1 << 30, CanonicalSize: int64(len(content)), CanonicalDigest: i.digest, GuestDigest: i.digest},
				}})
				return err
			},
		} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
		if err := v.pool.QueryRow(t.Context(), `SELECT id FROM images WHERE canonical_digest = $1`, i.digest).Scan(&i.id); err != nil {
			t.Fatal(err)
		}
	}
}

// imagesSay looks at the pages of images, of the list and of the platform.
func (v *volary) imagesSay(t *testing.T, images []*restoredImage, lost int) {
	t.Helper()
	cookies, err := session.SignIn(t.Context(), v.address(), "ada@atlas.example", demo.Password)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range images {
		status, page := getAs(t, v.address()+"/org/images/"+i.id.String(), cookies)
		if status != http.StatusOK || strings.Contains(page, "Upload it again") != (i.says != "") || !strings.Contains(page, i.says) {
			t.Errorf("%s: %d, and its page does not say %q", i.name, status, i.says)
		}
	}
	if _, page := getAs(t, v.address()+"/org/images", cookies); strings.Count(page, ">its bytes ") != lost {
		t.Errorf("%d images of the list have lost their bytes, not %d", strings.Count(page, ">its bytes "), lost)
	}
	if _, page := getAs(t, v.address()+"/platform", cookies); strings.Contains(page, "The bytes of 3 images are gone") != (lost == 3) {
		t.Errorf("the platform's page does not say how many images have lost their bytes (%d)", lost)
	}
}

// try gives commands to a shell that stops at the first that fails, which may be.
func (g *guide) try(t *testing.T, commands string) (said string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", commands)
	cmd.Env = append(os.Environ(), g.env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
