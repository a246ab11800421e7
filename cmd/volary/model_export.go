package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"volary.dev/cmd/internal/setup"
	"volary.dev/provisioner/bundle"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/floors"
	"volary.dev/store/models"
)

type modelExport struct {
	Organization string `required:"" help:"Name of the organization."`
	Model        string `required:"" help:"Name of its model cluster."`
	Version      string `required:"" help:"Which version of it. It has to be published."`
	Output       string `required:"" help:"File to write; there may be none of that name yet." type:"path"`
}

// opener is what a store of blobs gives images by.
type opener interface {
	Open(ctx context.Context, key string) (io.ReadCloser, int64, error)
}

// Run implements kong's command. What fails leaves no file.
func (e modelExport) Run(ctx context.Context) error {
	blobs, err := setup.ReadBlobs(ctx)
	if err != nil {
		return err
	}
	return withStore(ctx, func(db *floors.All) error { return e.write(ctx, db, blobs, os.Stdout) })
}

func (e modelExport) write(ctx context.Context, db *floors.All, blobs opener, out io.Writer) (err error) {
	org, err := db.People.OrganizationByName(ctx, e.Organization)
	if err != nil {
		return repeatTyped(err, e.Organization)
	}
	version, err := e.find(ctx, db, org)
	if err != nil {
		return err
	}
	b, err := db.Models.Bundle(ctx, org, version, "")
	if err != nil {
		return err
	}
	// Written beside its name, and given that once it is whole; a file that is there stays.
	half, err := os.CreateTemp(filepath.Dir(e.Output), ".bundle-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, half.Close(), ignoreGone(os.Remove(half.Name()))) }()
	if err := b.Write(ctx, half, func(ctx context.Context, i bundle.Image) (io.ReadCloser, error) {
		key, err := blob.ImageKey(i.Digest)
		if err != nil {
			return nil, err
		}
		r, _, err := blobs.Open(ctx, key)
		return r, err
	}); err != nil {
		return err
	}
	if err := half.Sync(); err != nil {
		return err
	}
	if err := os.Link(half.Name(), e.Output); err != nil {
		return err
	}
	size, err := b.Size()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s, the document %s with %s and %s\n", e.Output, refusal.Bytes(size), b.DocumentDigest(),
		refusal.Plural(len(b.Images), "image", "images"), refusal.Plural(len(b.Certificates), "certificate", "certificates"))
	return err
}

func ignoreGone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// find finds the version by its names.
func (e modelExport) find(ctx context.Context, db *floors.All, orgID uuid.UUID) (uuid.UUID, error) {
	list, _, err := db.Models.ListModelClusters(ctx, orgID, models.ModelClusterFilter{Search: e.Model, Page: store.Page{Limit: 1000}})
	if err != nil {
		return uuid.Nil, err
	}
	for _, m := range list {
		if m.Name != e.Model {
			continue
		}
		whole, err := db.Models.ModelCluster(ctx, orgID, m.ID)
		if err != nil {
			return uuid.Nil, err
		}
		for _, v := range whole.Versions {
			if v.Version == e.Version {
				return v.ID, nil
			}
		}
		return uuid.Nil, repeatTyped(refusal.NotFound("version"), e.Version)
	}
	return uuid.Nil, repeatTyped(refusal.NotFound("model cluster"), e.Model)
}
