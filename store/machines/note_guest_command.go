package machines

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner"
	"volary.dev/store"
)

// GuestCommand is what was asked of a node's agent, and how that ended.
type GuestCommand struct {
	Node uuid.UUID
	By   uuid.UUID // who had it run; Nil: a job, which Because names
	// Because is what it was run for: "acceptance test".
	Because string
	Argv    []string
	Input   int    // bytes; what they are is in no log
	End     string // "status 0", "no agent in the guest answers"
}

// mostNotedWords bounds what a log says of a command, in bytes. The digest is of all of it.
const mostNotedWords = 200

// NoteGuestCommand writes to the cluster's log that a command was run in one of its nodes, or was to be.
func (db *DB) NoteGuestCommand(ctx context.Context, g GuestCommand) error {
	all := strings.Join(g.Argv, "\x00")
	digest := sha256.Sum256([]byte(all))
	detail := map[string]any{"because": g.Because, "command": noted(g.Argv), "digest": hex.EncodeToString(digest[:]), "input": g.Input, "end": g.End}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var clusterID, organization, provider uuid.UUID
		var name, host string
		err := tx.QueryRow(ctx, `
			SELECT c.id, c.organization_id, c.provider_id, n.name, h.name
			FROM nodes n JOIN clusters c ON c.id = n.cluster_id JOIN hosts h ON h.id = n.host_id WHERE n.id = $1`, g.Node).
			Scan(&clusterID, &organization, &provider, &name, &host)
		if err != nil {
			return store.Found(err, "node")
		}
		detail["node"], detail["host"] = name, host
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: g.By, Organization: organization, Provider: provider, Verb: "run guest command", Subject: "cluster", SubjectID: clusterID, Detail: detail,
		})
	})
}

// noted is a command's words as a log shows them: cut, without what a screen would take for more than text.
func noted(argv []string) string {
	words := strings.Join(argv, " ")
	cut := words
	if len(cut) > mostNotedWords {
		cut = cut[:mostNotedWords] + "…"
	}
	return strings.ToValidUTF8(strings.Join(strings.Fields(string(provisioner.VisibleText([]byte(cut)))), " "), "")
}
