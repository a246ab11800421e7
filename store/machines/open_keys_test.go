package machines_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/crypto/ssh"

	"volary.dev/store/machines"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// keyHolder is a member with a key of the same name.
func keyHolder(t *testing.T, w *storetest.World, name string) (id, key uuid.UUID, line string) {
	t.Helper()
	id, line = storetest.Member(t, w, name+"@example.org"), sshKey(t, name)
	key = storetest.Must[uuid.UUID](t)(w.DB.People.AddSSHKey(t.Context(), id, name, line))
	return id, key, line
}

func ended(list []machines.OpenKey) string {
	var words []string
	for _, k := range list {
		words = append(words, k.ClusterName+" "+k.KeyName+" "+string(k.Ended))
	}
	return strings.Join(words, ", ")
}

// TestAKeyEndsWithItsRight is one key for each way in which a right ends, and one of somebody who keeps it.
func TestAKeyEndsWithItsRight(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	left, _, _ := keyHolder(t, w, "left")
	demoted, _, _ := keyHolder(t, w, "demoted")
	reads, _, _ := keyHolder(t, w, "reads")
	suspended, _, _ := keyHolder(t, w, "suspended")
	careful, deleted, _ := keyHolder(t, w, "careful")
	shared, _, sharedLine := keyHolder(t, w, "shared")
	stays, _, line := keyHolder(t, w, "stays")
	storetest.Must[uuid.UUID](t)(w.DB.People.AddSSHKey(ctx, stays, "shared too", sharedLine))
	id := w.Launch(t, "trial-1", 1)
	if got := ended(storetest.Must[[]machines.OpenKey](t)(w.DB.Machines.KeysOpening(ctx, left))); got != "" {
		t.Errorf("before anything runs it opens %q", got)
	}
	w.Ready(t, id)
	if got := ended(storetest.Cluster(t, w, id).EndedKeys); got != "" {
		t.Errorf("ended before anything was taken: %q", got)
	}

	storetest.NoError(t, w.DB.People.RemoveMember(ctx, w.Organization, w.Person, left))
	storetest.NoError(t, w.DB.People.RemoveMember(ctx, w.Organization, w.Person, shared))
	storetest.NoError(t, w.DB.People.ChangeMember(ctx, w.Organization, w.Person, demoted, people.RoleBilling))
	storetest.NoError(t, w.DB.People.ChangeMember(ctx, w.Organization, w.Person, reads, people.RoleAuditor))
	w.Exec(t, `UPDATE people SET suspended_at = now(), suspended_reason = 'a test' WHERE id = $1`, suspended)
	storetest.NoError(t, w.DB.People.DeleteSSHKey(ctx, careful, deleted))
	const want = "trial-1 careful deleted, trial-1 demoted demoted, trial-1 left left, trial-1 reads demoted, trial-1 suspended suspended"
	if got := ended(storetest.Cluster(t, w, id).EndedKeys); got != want {
		t.Errorf("the cluster's page has %q, want %q", got, want)
	}
	if got := ended(storetest.Must[[]machines.OpenKey](t)(w.DB.Machines.EndedKeys(ctx, w.Organization))); got != want {
		t.Errorf("the members' page has %q, want %q", got, want)
	}
	for person, want := range map[uuid.UUID]string{left: "trial-1 left left", careful: "trial-1 careful deleted", stays: "trial-1 shared too , trial-1 stays "} {
		if got := ended(storetest.Must[[]machines.OpenKey](t)(w.DB.Machines.KeysOpening(ctx, person))); got != want {
			t.Errorf("the person's page has %q, want %q", got, want)
		}
	}

	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id))
	stopped(t, w, id)
	if got := ended(storetest.Cluster(t, w, id).EndedKeys); got != "" {
		t.Errorf("a stopped cluster is opened by %q", got)
	}
	storetest.NoError(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 3600))
	if keys := work(t, w, id).SSHKeys; len(keys) != 2 || !slices.Contains(keys, line) || !slices.Contains(keys, sharedLine) {
		t.Errorf("the second start is given %q", keys)
	}
	w.Ready(t, id)
	if got := ended(storetest.Cluster(t, w, id).EndedKeys); got != "" {
		t.Errorf("after the next start still %q", got)
	}
	var starts int
	storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT count(DISTINCT start) FROM cluster_keys WHERE cluster_id = $1`, id).Scan(&starts))
	if starts != 2 {
		t.Errorf("the keys of %d starts are written down, want 2", starts)
	}
}

// TestFingerprintsAreThoseOfOpenSSH holds what the migration computes for keys that were only a column against the library.
func TestFingerprintsAreThoseOfOpenSSH(t *testing.T) {
	w := storetest.NewWorld(t)
	line := sshKey(t, "of before")
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	storetest.NoError(t, err)
	var print string
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT 'SHA256:' || rtrim(encode(sha256(decode(substring($1 FROM '^\S+\s+(\S+)'), 'base64')), 'base64'), '=')`, line).Scan(&print))
	if want := ssh.FingerprintSHA256(key); print != want {
		t.Errorf("the migration makes %s of %s", print, want)
	}
}
