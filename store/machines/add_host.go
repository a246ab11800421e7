package machines

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// NewHost is what AddHost needs.
type NewHost struct {
	Name     string
	Address  provisioner.HostAddress
	Underlay netip.Addr
	VCPUs    int // that nodes may share, more than there are to overcommit; 0 takes what its check finds
	Labels   map[string]string
	// Form is the id, of version 7, of the form that showed the host's line before there was the host; Nil: none did. Its code
	// (provisioner.FormCode) is the host's where the form is not older than a code lasts and no other host waits for the same;
	// else the host has a new one.
	Form uuid.UUID
}

// AddHost adds a host that waits for its code: nothing is made on it before its own hook has reported that. Then its check
// runs, and until that has passed the host takes no nodes. Refusals: "invalid" by field
// (name, address, underlay, vcpus, labels), "duplicate", "suspended", NotFound("pool").
func (db *DB) AddHost(ctx context.Context, by, providerID, poolID uuid.UUID, h NewHost) (uuid.UUID, error) {
	h.Address = h.Address.Canonical()
	if err := h.check(); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspendedProvider(ctx, tx, providerID); err != nil {
			return err
		}
		var underlay netip.Prefix
		err := tx.QueryRow(ctx, `SELECT underlay FROM pools WHERE id = $1 AND provider_id = $2`, poolID, providerID).Scan(&underlay)
		if err != nil {
			return store.Found(err, "pool")
		}
		if !underlay.Contains(h.Underlay) {
			return refusal.Invalid(map[string]string{"underlay": OutsideUnderlay(h.Underlay, underlay)})
		}
		code, err := h.code(ctx, tx, by, providerID)
		if err != nil {
			return err
		}
		if err := h.insert(ctx, tx, id, providerID, poolID, code); err != nil {
			return err
		}
		if err := db.queueHostCheck(ctx, tx, id); err != nil {
			return err
		}
		if err := db.warnOfHost(ctx, tx, by, id, ""); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "add host", Subject: "host", SubjectID: id})
	})
}

// OutsideUnderlay says that a host's address is not in its pool's network.
func OutsideUnderlay(at netip.Addr, pool netip.Prefix) string {
	return fmt.Sprintf("%s is not in the pool's underlay network %s.", at, pool)
}

// Check is what the command refuses of the fields themselves ("invalid"), for a form that tells all faults at once.
func (h NewHost) Check() error {
	h.Address = h.Address.Canonical()
	return h.check()
}

// check also writes the name as it is kept.
func (h *NewHost) check() error {
	f := store.Fields{}
	f.Name("name", &h.Name, 1, 80)
	if strings.ContainsAny(h.Address.Name, "/?@") {
		// libvirt runs commands that are named in a URI's parameters.
		f.Add("address", "Write the host's name or IP address alone, not a URI: scheme and port have fields of their own.")
	} else if err := h.Address.Validate(); err != nil {
		f.Add("address", "%s", err)
	}
	checkLabels(f, "labels", "A host takes", h.Labels)
	f.Between("vcpus", int64(h.VCPUs), 0, 65536, " vCPUs")
	f.Check(h.Underlay.IsValid() && !h.Underlay.IsUnspecified(), "underlay", "Give the host's address on the underlay, such as 192.0.2.11.")
	return f.Refusal()
}

const (
	mostLabels  = 20
	mostLabelAt = 63 // characters of a label's name and of its value
)

// checkLabels wants labels that a form can write; takes says who takes how many: "A host takes".
func checkLabels(f store.Fields, field, takes string, labels map[string]string) {
	f.Check(len(labels) <= mostLabels, field, "%s at most %d labels; these are %d.", takes, mostLabels, len(labels))
	for name, value := range labels {
		ok := name != "" && len(name) <= mostLabelAt && len(value) <= mostLabelAt && !strings.ContainsFunc(name+value, store.IsControl)
		f.Check(ok, field, "Write labels such as rack=a1, each part with at most %d characters.", mostLabelAt)
	}
}

// code is what the host's hook has to report. A form's age stands in its id, which makes the code: who writes another age has
// another code.
func (h NewHost) code(ctx context.Context, tx pgx.Tx, by, providerID uuid.UUID) (string, error) {
	now, err := store.ReadNow(ctx, tx)
	if err != nil || h.Form.Version() != 7 {
		return newCode(), err
	}
	code, age := provisioner.FormCode(by, providerID, h.Form), now.Sub(time.Unix(h.Form.Time().UnixTime()))
	var taken bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM hosts WHERE enrol_code = $1 AND removed_at IS NULL)`, code).Scan(&taken); err != nil {
		return "", fmt.Errorf("look for a code: %w", err)
	}
	if taken || age > codeLife || age < -time.Minute {
		return newCode(), nil
	}
	return code, nil
}

func (h NewHost) insert(ctx context.Context, tx pgx.Tx, id, providerID, poolID uuid.UUID, code string) error {
	if h.Labels == nil {
		h.Labels = map[string]string{}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO hosts (id, provider_id, pool_id, name, scheme, address, port, underlay, offered_vcpus, labels, state, created_at, enrol_code, enrol_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'active', now(), $11, now() + $12::interval)`,
		id, providerID, poolID, h.Name, h.Address.Scheme, h.Address.Name, h.Address.Port, h.Underlay, h.VCPUs, h.Labels, code, codeLife)
	switch {
	case store.UniqueViolation(err, "hosts_pool_id_name_key"):
		return store.Duplicate("a host", "name", h.Name)
	case store.UniqueViolation(err, "hosts_scheme_address_port_key"):
		return addressTaken()
	case err != nil:
		return fmt.Errorf("add host: %w", err)
	}
	return nil
}

// warnOfHost mails to the provider's admins that a host was added in their name, or (again is "yes") that another machine is to
// take its place.
func (db *DB) warnOfHost(ctx context.Context, tx pgx.Tx, by, id uuid.UUID, again string) error {
	var host, address, pool, giver string
	var admins []uuid.UUID
	err := tx.QueryRow(ctx, `
		SELECT h.name, h.address, p.name, coalesce((SELECT name FROM people WHERE id = $2), 'The people who run this Volary'),
			(SELECT coalesce(array_agg(person_id), '{}') FROM staff WHERE provider_id = h.provider_id AND role = 'admin')
		FROM hosts h JOIN pools p ON p.id = h.pool_id WHERE h.id = $1`, id, by).Scan(&host, &address, &pool, &giver, &admins)
	if err != nil {
		return fmt.Errorf("read whom to warn of a host: %w", err)
	}
	return db.core.Warn(ctx, tx, admins, store.MailHostAdded, map[string]string{
		"host": host, "address": address, "pool": pool, "by": giver, "path": "/provider/hosts/" + id.String(), "again": again,
	})
}
