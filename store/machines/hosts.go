package machines

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/queue"
)

// Host is one libvirt connection of a pool, with what its nodes take of it.
type Host struct {
	ID           uuid.UUID
	ProviderID   uuid.UUID
	PoolID       uuid.UUID
	PoolName     string
	PoolMTU      int // inside its clusters
	Name         string
	Address      provisioner.HostAddress // with the machine that was enrolled
	EnrolledAt   *time.Time              // nil: nothing may be made on it
	Code         string                  // that its hook has to report; empty: none is waited for
	CodeUntil    *time.Time
	CodeSeen     string // what was seen in the code's place when the machine was last asked; empty: it was not
	Mistaken     string // why what answers is not taken for it; empty: it is
	Underlay     netip.Addr
	State        provisioner.HostState // what staff want
	StateReason  string                // staff's
	Seen         provisioner.HostSeen
	Checked      bool                     // passed the last check that ended, and was not moved since
	Lacks        string                   // what a start needs and its last round did not find; empty: nothing
	Fit          bool                     // checked, not silent and lacking nothing: it may carry nodes, and takes more if staff want it active
	Acceleration provisioner.Acceleration // empty until its check found one
	CPUModel     string                   // as its last check found it; empty: not known, as Processors 0
	Processors   int                      // logical ones
	UEFI         *bool                    // it has UEFI firmware for nodes; nil: its last check did not look
	Capacity     provisioner.Shape        // what may be given to nodes
	Used         provisioner.Shape        // what its nodes take; stopped ones take disk only
	Images       map[string]int64         // bytes of base images in use, by digest: they take of the disk, too
	ImageBytes   int64                    // their sum
	SpareBytes   int64                    // of base images that nobody uses, which go where the room is wanted
	ImagesAt     *time.Time               // when it was last asked for its base images
	FreeBytes    *int64                   // of its disk at that time
	Nodes        int                      // all but gone ones
	CheckState   string                   // none, waiting (for its code), running, passed, failed
	CheckReport  []provisioner.HostCheck
	CheckedAt    *time.Time
	RoundAt      *time.Time // last observation round it answered
	MissedRounds int
	OfferedVCPUs int // staff's word; 0: what the check finds
	Labels       map[string]string
	PoolLabels   map[string]string // that its pool wants of a host that takes new nodes
	Packed       bool              // its pool fills hosts that carry nodes before it takes empty ones
}

// HostNode is a node as its provider's staff see it.
type HostNode struct {
	ID               uuid.UUID
	Name             string
	ClusterID        uuid.UUID
	ClusterName      string
	OrganizationName string
	State            provisioner.NodeState
	Reason           provisioner.Reason
	Shape            provisioner.Shape
	SeenAt           *time.Time
}

func (db *DB) queueHostCheck(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	var now time.Time
	err := tx.QueryRow(ctx, `
		UPDATE hosts SET check_report = '[]', check_state = CASE WHEN enrol_code IS NOT NULL THEN 'waiting' WHEN enrolled_at IS NULL THEN 'none' ELSE 'running' END
		WHERE id = $1 RETURNING now()`, id).Scan(&now)
	if err != nil {
		return fmt.Errorf("queue check of host: %w", err)
	}
	if err := store.Enqueue(ctx, tx, queue.CheckHost{HostID: id, Asked: now}); err != nil {
		return fmt.Errorf("queue check of host: %w", err)
	}
	return nil
}

// HostCheckProgress shows a check as far as it has come.
func (db *DB) HostCheckProgress(ctx context.Context, hostID uuid.UUID, report []provisioner.HostCheck) error {
	b, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("report on host: %w", err)
	}
	if _, err := db.pool.Exec(ctx, `UPDATE hosts SET check_report = $2 WHERE id = $1 AND check_state = 'running'`, hostID, b); err != nil {
		return fmt.Errorf("report on host %s: %w", hostID, err)
	}
	return nil
}

// hostReserve is what of a host's memory nodes never get: the host's own system needs it.
const hostReserveMiB = 512

// What of one machine is believed at most, whatever its libvirt says: 65,536 processors, 64 TiB of memory, 4 PiB of disk.
const (
	mostVCPUs     = 1 << 16
	mostMemoryMiB = 1 << 26
	mostDiskGiB   = 1 << 22
)

// HostCheckDone writes down the outcome of a check. A host that passed is fit to carry nodes; one that did not takes none
// until it has. The same machine as another host is the refusal "duplicate", and its check has failed.
func (db *DB) HostCheckDone(ctx context.Context, hostID uuid.UUID, facts provisioner.HostFacts, a provisioner.Acceleration, report []provisioner.HostCheck, passed bool) error {
	facts.VCPUs, facts.MemoryMiB, facts.DiskGiB = min(facts.VCPUs, mostVCPUs), min(facts.MemoryMiB, mostMemoryMiB), min(facts.DiskGiB, mostDiskGiB)
	var acceleration *provisioner.Acceleration
	if a != "" {
		acceleration = &a
	}
	err := db.core.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM hosts WHERE id = $1 FOR UPDATE`, hostID); err != nil {
			return fmt.Errorf("lock host: %w", err)
		}
		state := "failed"
		if passed {
			state = "passed"
			if skippedOverlay(report) {
				filled, apart, err := fillOverlay(ctx, tx, hostID, report)
				if err != nil {
					return err
				}
				if report = filled; apart {
					state = "failed"
				}
			}
		}
		b, err := json.Marshal(report)
		if err != nil {
			return fmt.Errorf("report on host: %w", err)
		}
		_, err = tx.Exec(ctx, `
			UPDATE hosts SET check_state = $2, check_report = $3, checked_at = now(), acceleration = coalesce($4, acceleration),
				machine = coalesce(machine, $5), checked = $9, lacks = CASE WHEN $9 THEN '' ELSE lacks END,
				vcpus = CASE WHEN offered_vcpus > 0 THEN offered_vcpus WHEN $6 > 0 THEN $6 ELSE vcpus END, memory_mib = CASE WHEN $7 > 0 THEN $7 ELSE memory_mib END,
				disk_gib = CASE WHEN $8 > 0 THEN $8 ELSE disk_gib END,
				cpu_model = CASE WHEN $6 > 0 THEN $10 ELSE cpu_model END, processors = CASE WHEN $6 > 0 THEN $6 ELSE processors END,
				uefi = CASE WHEN $6 > 0 THEN $11 ELSE uefi END
			WHERE id = $1 AND removed_at IS NULL`, hostID, state, b, acceleration, store.OrNull(facts.UUID), facts.VCPUs,
			max(facts.MemoryMiB-hostReserveMiB, min(facts.MemoryMiB, hostReserveMiB)), facts.DiskGiB, passed, provisioner.ProcessorName(facts.CPUModel), facts.UEFI)
		return err
	})
	if store.UniqueViolation(err, "hosts_machine_key") {
		return db.sameMachine(ctx, hostID, report)
	}
	if err != nil {
		return fmt.Errorf("outcome of the check of host %s: %w", hostID, err)
	}
	return nil
}

func failedCheck(report []provisioner.HostCheck) string {
	for _, c := range report {
		if c.State == provisioner.CheckFailed {
			return c.Name + ": " + c.Detail
		}
	}
	return "its check failed"
}

// WhyUnfit says why the host may carry no nodes, whatever staff want; empty where it may.
func (h Host) WhyUnfit() string {
	switch {
	case h.Fit:
		return ""
	case h.EnrolledAt == nil && h.Code != "":
		return "waits for enrolment"
	case h.EnrolledAt == nil:
		return "not enrolled: its machine has reported no code"
	case h.Mistaken != "":
		return h.Mistaken
	case h.Checked && h.Seen == provisioner.HostSilent:
		return fmt.Sprintf("does not answer: it missed its last %s", refusal.Plural(h.MissedRounds, "round", "rounds"))
	case h.Checked:
		return h.Lacks
	case h.CheckState == "failed":
		return "its check failed: " + failedCheck(h.CheckReport)
	case h.Acceleration != "":
		return "moved, not checked yet"
	default:
		return "not checked yet"
	}
}

// Standing is what staff want of the host, in one word; of one that is not enrolled that it waits for that, since nothing is
// made on it before.
func (h Host) Standing() string {
	if h.EnrolledAt == nil && h.State == provisioner.HostActive {
		return "waits for enrolment"
	}
	return string(h.State)
}

// TakesNodes is the condition by which host h of pool p takes nodes. Whatever is offered and whatever is used is summed over these.
const TakesNodes = `h.fit AND h.state = 'active' AND (p.host_labels = '{}' OR ` + hostLabels + ` @> p.host_labels)`

// hostLabels are staff's labels of host h, and those that its check finds, which are never staff's word: Host.found has them.
const hostLabels = `h.labels || jsonb_build_object('acceleration', coalesce(h.acceleration, ''), 'processor', h.cpu_model)`

func (h Host) found() map[string]string {
	return map[string]string{"acceleration": string(h.Acceleration), "processor": h.CPUModel}
}

// HostVCPUs is what host h of pool p gives its nodes: what staff offer of it, or what its pool sells on each of its processors.
const HostVCPUs = `CASE WHEN h.offered_vcpus > 0 THEN h.vcpus ELSE h.vcpus * p.overcommit / 100 END`

// WhyUnwanted says which labels its pool wants and the host has not: it takes no new nodes then. Empty where it has all.
func (h Host) WhyUnwanted() string {
	if len(h.PoolLabels) == 0 {
		return ""
	}
	has := map[string]string{}
	maps.Copy(has, h.Labels)
	maps.Copy(has, h.found())
	lacks := maps.Clone(h.PoolLabels)
	maps.DeleteFunc(lacks, func(name, want string) bool {
		value, there := has[name]
		return there && value == want
	})
	if len(lacks) == 0 {
		return ""
	}
	return "has not what its pool wants of a host: " + WrittenLabels(lacks)
}

// place is the host as placement knows it.
func (h Host) place() placement.Host {
	return placement.Host{
		ID: h.ID, Name: h.Name, State: h.State, Reason: h.StateReason, Unfit: h.WhyUnfit(), Unwanted: h.WhyUnwanted(), Capacity: h.Capacity, Used: h.Used, Images: h.Images,
		UEFI: h.UEFI != nil && *h.UEFI, Unseen: h.UEFI == nil, Emulated: h.Acceleration == provisioner.AccelerationTCG, Pack: h.Packed,
	}
}

func (db *DB) sameMachine(ctx context.Context, hostID uuid.UUID, report []provisioner.HostCheck) error {
	const title = "This machine has been added as another host already."
	b, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("report on host: %w", err)
	}
	_, err = db.pool.Exec(ctx, `
		UPDATE hosts SET check_state = 'failed', check_report = $2, checked_at = now(), checked = false WHERE id = $1`, hostID, b)
	if err != nil {
		return fmt.Errorf("outcome of the check of host %s: %w", hostID, err)
	}
	return &refusal.Error{Code: "duplicate", Title: title, Next: "Give each host its own UUID (host_uuid in libvirtd.conf), or use the host that is there."}
}

// DiskTaken is what nodes and the base images that they stand on take of the disk, in GiB, rounded up: what is left is what a
// launch's refusal calls free.
func (h Host) DiskTaken() int { return h.Used.DiskGiB + int((h.ImageBytes+1<<30-1)>>30) }

// usedOfHost sums what the nodes of host h take. Stopped nodes keep their disk and nothing else.
const usedOfHost = `
	SELECT count(*) AS nodes,
		coalesce(sum(n.vcpus) FILTER (WHERE n.state <> 'stopped'), 0) AS vcpus,
		coalesce(sum(n.memory_mib) FILTER (WHERE n.state <> 'stopped'), 0) AS memory_mib,
		coalesce(sum(n.disk_gib), 0) AS disk_gib
	FROM nodes n WHERE n.host_id = h.id AND n.state <> 'gone'`

const selectHosts = `
	SELECT h.id, h.provider_id, h.pool_id, p.name, p.mtu, h.name, ` + hostAddress + `, h.underlay,
		h.enrolled_at, coalesce(h.enrol_code, ''), h.enrol_until, h.enrol_seen, h.mistaken, h.state, h.state_reason, h.seen, h.checked, h.lacks, h.fit,
		coalesce(h.acceleration, ''), h.cpu_model, h.processors, h.uefi, ` + HostVCPUs + `, h.memory_mib, h.disk_gib, u.vcpus, u.memory_mib, u.disk_gib, u.nodes,
		i.images, i.image_bytes, i.spare_bytes, h.images_at, h.free_bytes, h.check_state, h.check_report, h.checked_at, h.round_at, h.missed_rounds, h.offered_vcpus, h.labels, p.host_labels, p.placement = 'pack'
	FROM hosts h JOIN pools p ON p.id = h.pool_id CROSS JOIN LATERAL (` + usedOfHost + `) AS u
	CROSS JOIN LATERAL (` + diskOfImages + `) AS i`

func rowToHost(row pgx.CollectableRow) (h Host, err error) {
	err = row.Scan(slices.Concat([]any{&h.ID, &h.ProviderID, &h.PoolID, &h.PoolName, &h.PoolMTU, &h.Name}, scanAddress(&h.Address), []any{
		&h.Underlay, &h.EnrolledAt, &h.Code, &h.CodeUntil, &h.CodeSeen, &h.Mistaken, &h.State, &h.StateReason, &h.Seen, &h.Checked, &h.Lacks, &h.Fit, &h.Acceleration, &h.CPUModel, &h.Processors, &h.UEFI, &h.Capacity.VCPUs, &h.Capacity.MemoryMiB, &h.Capacity.DiskGiB,
		&h.Used.VCPUs, &h.Used.MemoryMiB, &h.Used.DiskGiB, &h.Nodes, &h.Images, &h.ImageBytes, &h.SpareBytes, &h.ImagesAt, &h.FreeBytes, &h.CheckState, &h.CheckReport, &h.CheckedAt, &h.RoundAt,
		&h.MissedRounds, &h.OfferedVCPUs, &h.Labels, &h.PoolLabels, &h.Packed,
	})...)
	return h, err
}

// Hosts lists a provider's hosts by pool and name.
func (db *DB) Hosts(ctx context.Context, providerID uuid.UUID) ([]Host, error) {
	rows, _ := db.pool.Query(ctx, selectHosts+` WHERE h.provider_id = $1 AND h.removed_at IS NULL ORDER BY p.name, h.name`, providerID)
	return store.All(rows, "hosts", rowToHost)
}

// Host shows one host.
func (db *DB) Host(ctx context.Context, providerID, id uuid.UUID) (Host, error) {
	rows, _ := db.pool.Query(ctx, selectHosts+` WHERE h.id = $1 AND h.provider_id = $2 AND h.removed_at IS NULL`, id, providerID)
	return store.One(rows, "host", rowToHost)
}

// HostNodes lists the nodes that a host carries, by cluster and name.
func (db *DB) HostNodes(ctx context.Context, providerID, id uuid.UUID) ([]HostNode, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT n.id, n.name, c.id, c.name, o.name, n.state, n.reason, n.vcpus, n.memory_mib, n.disk_gib, n.seen_at
		FROM nodes n JOIN clusters c ON c.id = n.cluster_id JOIN organizations o ON o.id = n.organization_id
		WHERE n.host_id = $1 AND n.provider_id = $2 AND n.state <> 'gone' ORDER BY c.name, c.id, n.role DESC, n.name`, id, providerID)
	return store.All(rows, "nodes of a host", func(row pgx.CollectableRow) (n HostNode, err error) {
		err = row.Scan(&n.ID, &n.Name, &n.ClusterID, &n.ClusterName, &n.OrganizationName, &n.State, &n.Reason,
			&n.Shape.VCPUs, &n.Shape.MemoryMiB, &n.Shape.DiskGiB, &n.SeenAt)
		return n, err
	})
}

// HostForWorker is Host without a scope.
func (db *DB) HostForWorker(ctx context.Context, id uuid.UUID) (Host, error) {
	rows, _ := db.pool.Query(ctx, selectHosts+` WHERE h.id = $1`, id)
	return store.One(rows, "host", rowToHost)
}

// HostsOfPool lists a pool's hosts for the worker, which checks a packet between them.
func (db *DB) HostsOfPool(ctx context.Context, poolID uuid.UUID) ([]Host, error) {
	rows, _ := db.pool.Query(ctx, selectHosts+` WHERE h.pool_id = $1 AND h.removed_at IS NULL ORDER BY h.name`, poolID)
	return store.All(rows, "hosts", rowToHost)
}
