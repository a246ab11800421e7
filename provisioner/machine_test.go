package provisioner_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/provisioner"
)

// The line of a simulated host does what it says when it is pasted as it stands, whatever its folder is called.
func TestASimulatedHostsLineIsPastedAsItStands(t *testing.T) {
	a := provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"}
	for _, name := range []string{"memory", "it's a folder", `$HOME "and" more; false`} {
		folder := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		line := provisioner.EnrolLine(a, "CODE", folder)
		shell := exec.CommandContext(t.Context(), "sh", "-c", line)
		shell.Env = []string{}
		if out, err := shell.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", line, err, out)
		}
		text, err := os.ReadFile(filepath.Join(folder, provisioner.SimulatedCodeFile(a)))
		if err != nil || strings.TrimSpace(string(text)) != "CODE" {
			t.Errorf("%s wrote %q, %v", line, text, err)
		}
	}
	if line := provisioner.EnrolLine(a, "CODE", ""); !strings.Contains(line, "$VOLARY_MEMORY_STATE_DIR") {
		t.Errorf("without a folder: %s", line)
	}
}
