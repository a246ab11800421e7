package org

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
)

// Every deed that is done to a cluster, and every step of a node, has words in the task log.
func TestTasksHaveWords(t *testing.T) {
	files, err := filepath.Glob("../../store/machines/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	verb := regexp.MustCompile(`Verb: ("[a-z -]+"), Subject: "cluster"`)
	seen := map[string]bool{"look at console": true, "let stray machine go on": true, "suspend stray machine": true, "ask about drain": true, "keep drained nodes": true, "remove undrained nodes": true}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range verb.FindAllStringSubmatch(string(text), -1) {
			seen[m[1][1:len(m[1])-1]] = true
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d deeds were found", len(seen))
	}
	for v := range seen {
		if what, _ := deedWords(v, nil); what == "" || what[0] < 'A' || what[0] > 'Z' {
			t.Errorf("the task log has no words of its own for %q: %q", v, what)
		}
	}
	for _, s := range []provisioner.NodeState{
		provisioner.NodeReserved, provisioner.NodeStarting, provisioner.NodeReady, provisioner.NodePausing, provisioner.NodePaused, provisioner.NodeStopping,
		provisioner.NodeStopped, provisioner.NodeLost, provisioner.NodeFailed, provisioner.NodeGone, provisioner.NodeState(provisioner.StepMade), provisioner.NodeState(provisioner.StepGate),
	} {
		if rows := taskRows([]machines.Task{{Step: provisioner.NodeStep(s), Nodes: []string{"head"}, NodeCount: 3}}); rows[0].What == "" || rows[0].More != 2 || rows[0].Timed {
			t.Errorf("%s: %+v", s, rows[0])
		}
	}
}

func TestTasksSayWhatTheyWereDoneWith(t *testing.T) {
	at := time.Date(2026, 11, 22, 15, 20, 31, 0, time.UTC)
	since := at.Add(-16200 * time.Millisecond)
	rows := taskRows([]machines.Task{
		{At: at, Verb: "extend lease", PersonName: "Ada", Detail: map[string]any{"add_seconds": 3600.0, "lease_seconds": 7200.0, "held": 3_600_000.0}},
		{At: at, Verb: "cluster ready", Since: &since},
		{At: at, Step: provisioner.NodeStep(provisioner.NodeLost), Reason: provisioner.ReasonHostLost, Hosts: []string{"host-1"}, HostCount: 1},
		{At: at, Step: provisioner.NodeStep(provisioner.NodeStopped), Reason: provisioner.ReasonAsked},
	})
	if d := rows[0].Details; len(d) != 2 || d[0] != "by 1 h to 2 h" || rows[0].Person != "Ada" {
		t.Errorf("%+v", rows[0])
	}
	if !rows[1].Timed || rows[1].Took != 16200*time.Millisecond {
		t.Errorf("%+v", rows[1])
	}
	if len(rows[2].Details) != 1 || rows[2].Hosts[0] != "host-1" || len(rows[3].Details) != 0 {
		t.Errorf("%+v, %+v", rows[2], rows[3])
	}
}
