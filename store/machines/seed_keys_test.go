package machines_test

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/crypto/ssh"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// sshKey is a public key of its own for each comment.
func sshKey(t *testing.T, comment string) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	storetest.NoError(t, err)
	key, err := ssh.NewPublicKey(public)
	storetest.NoError(t, err)
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + comment
}

func TestTwentyKeysAPerson(t *testing.T) {
	w := storetest.NewWorld(t)
	for n := range people.MaxSSHKeys {
		storetest.Must[uuid.UUID](t)(w.DB.People.AddSSHKey(t.Context(), w.Person, "", sshKey(t, fmt.Sprint("key", n))))
	}
	_, err := w.DB.People.AddSSHKey(t.Context(), w.Person, "", sshKey(t, "one more"))
	if r := storetest.WantRefusal(t, err, "ssh_keys"); !strings.Contains(r.Title, "20 SSH keys") || r.Fields["public_key"] == "" {
		t.Errorf("%+v", r)
	}
}

// TestALaunchTakesTheNewestKeysThatFit gives colleagues more keys than a seed takes, as they could before there was a
// bound for each. The launching person's are in.
func TestALaunchTakesTheNewestKeysThatFit(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	mine := sshKey(t, "ada")
	storetest.Must[uuid.UUID](t)(w.DB.People.AddSSHKey(ctx, w.Person, "", mine))
	person := func(name string) uuid.UUID {
		id := storetest.Must[uuid.UUID](t)(w.DB.People.CreatePerson(ctx, uuid.Nil, people.NewPerson{Email: name + "@example.org", Name: name, Password: storetest.Password}))
		storetest.NoError(t, w.DB.People.AddMember(ctx, uuid.Nil, w.Organization, id, people.RoleMember))
		return id
	}
	add := func(who uuid.UUID, from, n int) {
		w.Exec(t, `INSERT INTO ssh_keys (id, person_id, name, public_key, fingerprint, created_at)
			SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, $1, 'k', 'ssh-ed25519 AAAA' || n, 'SHA256:' || n, now()
			FROM generate_series($2::int, $2::int + $3::int - 1) n`, who, from, n)
	}
	ben, cleo := person("Ben"), person("Cleo")
	add(cleo, 1, 5) // the oldest
	add(ben, 10, provisioner.MaxSeedKeys-2)
	add(cleo, 5000, 1) // the newest
	id := w.Launch(t, "trial-1", 1)
	keys := storetest.Must[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(ctx, id)).SSHKeys
	if len(keys) != provisioner.MaxSeedKeys || keys[0] != mine || keys[1] != "ssh-ed25519 AAAA5000" || keys[2] != fmt.Sprint("ssh-ed25519 AAAA", 10+provisioner.MaxSeedKeys-3) {
		t.Errorf("%d keys, the first are %q", len(keys), keys[:3])
	}
	d := storetest.Must[machines.ClusterDetail](t)(w.DB.Machines.Cluster(ctx, w.Organization, id))
	if len(d.KeysLeftOut) != 1 || d.KeysLeftOut[0] != (machines.KeysLeftOut{Person: "Cleo", Keys: 5}) {
		t.Errorf("left out: %+v", d.KeysLeftOut)
	}
	w.Exec(t, `UPDATE ssh_keys SET public_key = 'ssh-rsa ' || repeat('A', 8000)`)
	id = w.Launch(t, "trial-2", 1)
	if n := len(storetest.Must[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(ctx, id)).SSHKeys); n != provisioner.MaxSeedKeyBytes/8008 {
		t.Errorf("%d keys of 8 KB", n)
	}
}
