package machines_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// A command in a guest is in the log of its cluster, cut to what a log holds, under the role of the worker.
func TestNoteGuestCommand(t *testing.T) {
	w := storetest.NewWorld(t)
	worker := storetest.OpenAs(t, w.Pool, store.RoleWorker)
	id := w.Launch(t, "trial-1", 1)
	w.Ready(t, id)
	node := storetest.Cluster(t, w, id).NodeRows[0].ID
	g := machines.GuestCommand{
		Node: node, Because: "acceptance test", Argv: []string{"sh", "-c", "\x1b[31m" + strings.Repeat("é", 300) + "\n\xff"}, Input: 7, End: "status 0",
	}
	storetest.NoError(t, worker.Machines.NoteGuestCommand(t.Context(), g))
	var command, digest, end, name string
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `
		SELECT detail->>'command', detail->>'digest', detail->>'end', detail->>'node' FROM audit
		WHERE verb = 'run guest command' AND subject_id = $1 AND organization_id = $2 AND provider_id = $3 AND person_id IS NULL AND detail->>'input' = '7'`,
		id, w.Organization, w.Provider).Scan(&command, &digest, &end, &name))
	if !strings.HasPrefix(command, "sh -c éé") || !strings.HasSuffix(command, "é…") || len(command) > 210 || len(digest) != 64 || end != "status 0" || name == "" {
		t.Errorf("noted %q, %q, %q, %q", command, digest, end, name)
	}
	g.Argv = []string{"sh", "-c", g.Argv[2] + "x"} // differs behind the cut
	storetest.NoError(t, worker.Machines.NoteGuestCommand(t.Context(), g))
	var digests int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT count(DISTINCT detail->>'digest') FROM audit WHERE verb = 'run guest command'`).Scan(&digests))
	if digests != 2 {
		t.Errorf("%d digests of two commands", digests)
	}
	g.Node = uuid.New()
	storetest.WantRefusal(t, worker.Machines.NoteGuestCommand(t.Context(), g), "not_found")
}
