package loops_test

import (
	"crypto/ed25519"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/crypto/ssh"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// publicKey is a new one, without a comment.
func publicKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	loopstest.NoError(t, err)
	key, err := ssh.NewPublicKey(public)
	loopstest.NoError(t, err)
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// keyHolder is a member with a key.
func keyHolder(t *testing.T, b *loopstest.Bench, email string) (person, id uuid.UUID, key string) {
	t.Helper()
	person, key = storetest.Member(t, b.World, email), publicKey(t)
	id = storetest.Must[uuid.UUID](t)(b.DB.People.AddSSHKey(t.Context(), person, "laptop", key+" "+email))
	return person, id, key
}

// opens is on how many of a cluster's nodes a key signs in as a user.
func opens(t *testing.T, b *loopstest.Bench, c machines.ClusterDetail, user, key string) (nodes int) {
	t.Helper()
	for _, n := range c.NodeRows {
		if hostOf(b, n).Opens(n.ID, user, key) {
			nodes++
		}
	}
	return nodes
}

// wantOpens waits until a key signs in as a user on so many nodes.
func wantOpens(t *testing.T, b *loopstest.Bench, c machines.ClusterDetail, user, key string, nodes int) {
	t.Helper()
	got := 0
	defer func() {
		if t.Failed() {
			t.Logf("the key opens %d nodes as %s", got, user)
		}
	}()
	waittest.Until(t, fmt.Sprintf("a key that opens %d nodes as %s", nodes, user), func() bool {
		got = opens(t, b, c, user, key)
		return got == nodes
	})
}

// TestKeysLeaveRunningNodes ends rights in each way, on a cluster without accounts: the keys leave its nodes, others stay; one node's
// agent does not answer, which its page says and which costs no other node anything.
func TestKeysLeaveRunningNodes(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	stop := b.Worker(t, "one")
	ctx := t.Context()
	left, _, ofLeft := keyHolder(t, b, "left@example.org")
	demoted, _, ofDemoted := keyHolder(t, b, "demoted@example.org")
	careful, id, removed := keyHolder(t, b, "careful@example.org")
	_, _, stays := keyHolder(t, b, "stays@example.org")
	cluster := b.Launch(t, "trial-1", 2)
	c := b.UntilState(t, cluster, provisioner.ClusterReady)
	for _, key := range []string{ofLeft, ofDemoted, removed, stays} {
		wantOpens(t, b, c, "root", key, 3)
	}
	mute := c.NodeRows[2]
	hostOf(b, mute).SetAgent(mute.ID, memory.AgentSilent)

	loopstest.NoError(t, b.DB.People.RemoveMember(ctx, b.Organization, b.Person, left))
	wantOpens(t, b, c, "root", ofLeft, 1)
	waittest.Until(t, "the page to say so", func() bool {
		d := b.Cluster(t, cluster)
		return len(d.EndedKeys) == 1 && d.EndedKeys[0].Nodes == 3 && d.EndedKeys[0].Taken == 2 && d.EndedKeys[0].Opens() &&
			len(d.Untold) == 1 && d.Untold[0].Name == mute.Name && d.Untold[0].Problem == "agent" && d.Untold[0].Next != nil
	})

	// The next worker knows what the first one did, and goes on.
	stop()
	loopstest.NoError(t, b.DB.People.ChangeMember(ctx, b.Organization, b.Person, demoted, people.RoleBilling))
	loopstest.NoError(t, b.DB.People.DeleteSSHKey(ctx, careful, id))
	b.Worker(t, "two")
	wantOpens(t, b, c, "root", ofDemoted, 1)
	wantOpens(t, b, c, "root", removed, 1)
	hostOf(b, mute).SetAgent(mute.ID, memory.AgentAnswers)
	b.Exec(t, `UPDATE node_access SET retry_at = now() WHERE retry_at IS NOT NULL`) // or in a minute or two
	for _, key := range []string{ofLeft, ofDemoted, removed} {
		wantOpens(t, b, c, "root", key, 0)
	}
	waittest.Until(t, "the page to say that all is done", func() bool {
		d := b.Cluster(t, cluster)
		for _, k := range d.EndedKeys {
			if k.Opens() || k.Taken != 3 || k.TakenAt == nil {
				return false
			}
		}
		return len(d.EndedKeys) == 3 && len(d.Untold) == 0
	})
	if n := opens(t, b, c, "root", stays); n != 3 {
		t.Errorf("who stays opens %d nodes", n)
	}
	var told int
	loopstest.NoError(t, b.Pool.QueryRow(ctx, `SELECT count(*) FROM audit WHERE verb = 'run guest command' AND detail->>'because' = 'who may sign in' AND detail->>'end' = 'status 0'`).Scan(&told))
	if told < 5 {
		t.Errorf("the log knows of %d nodes that were told", told)
	}
}

// TestLoginsFollowMembers is a cluster with accounts: who comes has a login on its running nodes, and who leaves has none.
func TestLoginsFollowMembers(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	d := storetest.DraftOf(b.World)
	d.Version, d.Model.Accounts = "2.0", true
	b.Version = storetest.Must[uuid.UUID](t)(b.DB.Models.SaveVersion(t.Context(), b.Organization, b.Person, d))
	loopstest.NoError(t, b.DB.Models.PublishVersion(t.Context(), b.Organization, b.Person, b.Version, 1))
	b.Worker(t, "one")
	ada, _, ofAda := keyHolder(t, b, "Ada.Brandt@example.org")
	cluster := b.Launch(t, "trial-1", 1)
	c := b.UntilState(t, cluster, provisioner.ClusterReady)
	wantOpens(t, b, c, "ada-brandt", ofAda, 2)

	ben, _, ofBen := keyHolder(t, b, "ben@example.org")
	wantOpens(t, b, c, "ben", ofBen, 2)
	second := publicKey(t)
	storetest.Must[uuid.UUID](t)(b.DB.People.AddSSHKey(t.Context(), ben, "desk", second))
	wantOpens(t, b, c, "ben", second, 2)
	if n := opens(t, b, c, "ben", ofAda); n != 0 {
		t.Errorf("another's key signs in as ben on %d nodes", n)
	}

	loopstest.NoError(t, b.DB.People.RemoveMember(t.Context(), b.Organization, b.Person, ada))
	wantOpens(t, b, c, "ada-brandt", ofAda, 0)
	wantOpens(t, b, c, "root", ofAda, 0)
	loopstest.NoError(t, b.DB.People.AddMember(t.Context(), b.Person, b.Organization, ada, people.RoleMember))
	wantOpens(t, b, c, "ada-brandt", ofAda, 2)
}

// TestAgentsThatDoNotServeAreNamed has one agent for each way of not doing what it is told: each is said of its own node, and the one that
// serves is told all the same.
func TestAgentsThatDoNotServeAreNamed(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	left, _, key := keyHolder(t, b, "left@example.org")
	cluster := b.Launch(t, "trial-1", 3)
	c := b.UntilState(t, cluster, provisioner.ClusterReady)
	for i, agent := range []memory.Agent{memory.AgentMissing, memory.AgentLeaves, memory.AgentRefuses} {
		hostOf(b, c.NodeRows[i+1]).SetAgent(c.NodeRows[i+1].ID, agent)
	}
	loopstest.NoError(t, b.DB.People.RemoveMember(t.Context(), b.Organization, b.Person, left))
	waittest.Until(t, "a word of each", func() bool {
		problems := map[string]string{}
		for _, n := range b.Cluster(t, cluster).Untold {
			problems[n.Name] = n.Problem
		}
		return maps.Equal(problems, map[string]string{"compute-001": "agent", "compute-002": "nonsense", "compute-003": "refused"})
	})
	if n := opens(t, b, c, "root", key); n != 3 {
		t.Errorf("the key opens %d nodes, want those of the three", n)
	}
}
