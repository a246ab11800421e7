package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/people"
)

// NewShape is what CreateShape needs.
type NewShape struct {
	Name string
	provisioner.Shape
	Rate billing.Rate // 0 takes the default of billing.ShapeRate
}

// CreateShape adds a shape, whose rate never changes. Refusals: "invalid" by field (name, vcpus, memory, disk, rate),
// "duplicate", "suspended", NotFound("provider").
func (db *DB) CreateShape(ctx context.Context, by, providerID uuid.UUID, s NewShape) (uuid.UUID, error) {
	f := store.Fields{}
	f.Name("name", &s.Name, 1, 40)
	f.Between("vcpus", int64(s.VCPUs), 1, 1024, " vCPUs")
	f.Between("memory", int64(s.MemoryMiB), 64, 16<<20, " MiB")
	f.Between("disk", int64(s.DiskGiB), 1, 65536, " GiB")
	f.Check(s.Rate >= 0 && s.Rate <= billing.MaxRate, "rate", "Choose a rate above 0, in thousandths of a compute hour per hour.")
	if err := f.Refusal(); err != nil {
		return uuid.Nil, err
	}
	if s.Rate == 0 {
		s.Rate = billing.ShapeRate(s.VCPUs, s.MemoryMiB)
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspendedProvider(ctx, tx, providerID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO shapes (id, provider_id, name, vcpus, memory_mib, disk_gib, rate, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, now())`, id, providerID, s.Name, s.VCPUs, s.MemoryMiB, s.DiskGiB, s.Rate)
		switch {
		case store.UniqueViolation(err, "shapes_provider_id_name_key"):
			return store.Duplicate("a shape", "name", s.Name)
		case err != nil:
			return fmt.Errorf("create shape: %w", err)
		}
		if err := store.TakeName(ctx, tx, store.TakenName{Kind: store.ShapeName, Scope: providerID, Subject: id, Name: s.Name, Field: "name"}); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "create shape", Subject: "shape", SubjectID: id})
	})
}
