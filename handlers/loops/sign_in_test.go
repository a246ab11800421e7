package loops_test

import (
	"bufio"
	"fmt"
	"io"
	"testing"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// TestSignInIsReadFromTheConsole has a head say whom it has and its host keys, late and in two parts.
func TestSignInIsReadFromTheConsole(t *testing.T) {
	b := loopstest.NewBench(t)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 1)
	c := b.UntilState(t, id, provisioner.ClusterReady)
	node := c.NodeRows[0]
	var host int
	if _, err := fmt.Sscanf(node.HostName, "host-%d", &host); err != nil {
		t.Fatal(err)
	}
	console, err := b.Host(host).Console(t.Context(), node.ID)
	loopstest.NoError(t, err)
	defer console.Close()
	go func() { _, _ = io.Copy(io.Discard, bufio.NewReader(console)) }()
	say := func(text string) {
		_, err := io.WriteString(console, "echo "+text+"\r")
		loopstest.NoError(t, err)
	}
	const print = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	say("ci-info: ++Authorized keys from /home/rocky/.ssh/authorized_keys for user rocky++")
	say("-----BEGIN SSH HOST KEY FINGERPRINTS-----")
	waittest.Until(t, "the user", func() bool { return b.Cluster(t, id).SignIn.User == "rocky" })
	say("256 " + print + " root@head (ED25519)")
	say("-----END SSH HOST KEY FINGERPRINTS-----")
	waittest.Until(t, "the host key", func() bool {
		keys := b.Cluster(t, id).SignIn.HostKeys
		return len(keys) == 1 && keys[0] == provisioner.HostKey{Kind: "ED25519", Fingerprint: print}
	})
	left, err := b.DB.Machines.SilentHeads(t.Context(), node.HostID)
	loopstest.NoError(t, err)
	if len(left) > 0 {
		t.Errorf("it is looked at again: %v", left)
	}
}
