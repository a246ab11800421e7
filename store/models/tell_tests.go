package models

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// TellTestsEnded tells of acceptance tests whose end is written down in tx.
func TellTestsEnded(ctx context.Context, core *store.DB, tx pgx.Tx, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	type endedTest struct {
		ID             uuid.UUID
		OrganizationID uuid.UUID
		PersonID       uuid.UUID
		Model          string
		Version        string
		Pool           string
		State          TestState
		EndedWhy       string
		Report         provisioner.Report
	}
	rows, _ := tx.Query(ctx, `
		SELECT t.id, t.organization_id, t.person_id, m.name AS model, v.version, p.name AS pool, t.state, t.ended_why, t.report
		FROM acceptance_tests t JOIN model_versions v ON v.id = t.version_id JOIN model_clusters m ON m.id = v.model_cluster_id
		JOIN pools p ON p.id = t.pool_id WHERE t.id = ANY ($1) AND t.ended_at IS NOT NULL`, ids)
	list, err := store.All(rows, "ended tests", pgx.RowToStructByName[endedTest])
	if err != nil {
		return err
	}
	var happened []store.Happening
	for _, t := range list {
		happened = append(happened, store.Happening{
			Place: t.OrganizationID, Subject: t.ID, Mark: "ended", Whose: t.PersonID, Kind: store.MailTestEnded,
			Data: map[string]string{
				"model": t.Model, "version": t.Version, "pool": t.Pool, "outcome": string(t.State), "why": t.EndedWhy, "lines": failedChecks(t.Report), "path": "/org/tests/" + t.ID.String(),
			},
		})
	}
	return core.Tell(ctx, tx, store.EventTestEnded, happened...)
}

// failedChecks names the checks that failed, one a line.
func failedChecks(r provisioner.Report) string {
	var lines []string
	for _, c := range r.Checks {
		if c.Result == provisioner.ResultFailed {
			lines = append(lines, c.Title)
		}
	}
	return strings.Join(lines, "\n")
}
