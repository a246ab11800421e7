package store_test

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/crypto/ssh"

	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// sshKey is a public key of its own for each comment.
func sshKey(t *testing.T, comment string) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	noError(t, err)
	key, err := ssh.NewPublicKey(public)
	noError(t, err)
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + comment
}

func TestTwentyKeysAPerson(t *testing.T) {
	w := storetest.NewWorld(t)
	for n := range store.MaxSSHKeys {
		must[uuid.UUID](t)(w.DB.AddSSHKey(t.Context(), w.Person, "", sshKey(t, fmt.Sprint("key", n))))
	}
	_, err := w.DB.AddSSHKey(t.Context(), w.Person, "", sshKey(t, "one more"))
	if r := wantRefusal(t, err, "ssh_keys"); !strings.Contains(r.Title, "20 SSH keys") || r.Fields["public_key"] == "" {
		t.Errorf("%+v", r)
	}
}

// TestALaunchTakesTheNewestKeysThatFit gives colleagues more keys than a seed takes, as they could before there was a
// bound for each. The launching person's are in.
func TestALaunchTakesTheNewestKeysThatFit(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	mine := sshKey(t, "ada")
	must[uuid.UUID](t)(w.DB.AddSSHKey(ctx, w.Person, "", mine))
	person := func(name string) uuid.UUID {
		id := must[uuid.UUID](t)(w.DB.CreatePerson(ctx, uuid.Nil, store.NewPerson{Email: name + "@example.org", Name: name, Password: storetest.Password}))
		noError(t, w.DB.AddMember(ctx, uuid.Nil, w.Organization, id, store.RoleMember))
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
	keys := must[store.ClusterWork](t)(w.DB.ClusterForReconcile(ctx, id)).SSHKeys
	if len(keys) != provisioner.MaxSeedKeys || keys[0] != mine || keys[1] != "ssh-ed25519 AAAA5000" || keys[2] != fmt.Sprint("ssh-ed25519 AAAA", 10+provisioner.MaxSeedKeys-3) {
		t.Errorf("%d keys, the first are %q", len(keys), keys[:3])
	}
	d := must[store.ClusterDetail](t)(w.DB.Cluster(ctx, w.Organization, id))
	if len(d.KeysLeftOut) != 1 || d.KeysLeftOut[0] != (store.KeysLeftOut{Person: "Cleo", Keys: 5}) {
		t.Errorf("left out: %+v", d.KeysLeftOut)
	}
	w.Exec(t, `UPDATE ssh_keys SET public_key = 'ssh-rsa ' || repeat('A', 8000)`)
	id = w.Launch(t, "trial-2", 1)
	if n := len(must[store.ClusterWork](t)(w.DB.ClusterForReconcile(ctx, id)).SSHKeys); n != provisioner.MaxSeedKeyBytes/8008 {
		t.Errorf("%d keys of 8 KB", n)
	}
}
