package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
)

// TestGatesOfAForm: each group has its own gate, and a port that is none is refused at its field with what was typed.
func TestGatesOfAForm(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner := a.SignIn(handlertest.Owner)
	f := form(grown(w), "head_gate_kind", "agent", "group_0_gate_kind", "port", "group_0_gate_port", "70000")
	answer := owner.Post("/org/models/"+w.Model.String()+"/versions", f)
	if answer.Status != http.StatusUnprocessableEntity || !strings.Contains(answer.Body, `value="70000"`) || !strings.Contains(answer.Body, "65535") {
		t.Errorf("a port of 70000: %d", answer.Status)
	}
	v := madeVersion(t, a, w, owner, form(f, "group_0_gate_port", "6818"))
	if head, compute := v.Groups[0].Gate, v.Groups[1].Gate; head != (provisioner.Gate{Kind: provisioner.GateAgent, TimeoutSeconds: 60}) ||
		compute != (provisioner.Gate{Kind: provisioner.GatePort, Port: 6818, TimeoutSeconds: 90}) {
		t.Errorf("gates %+v and %+v", head, compute)
	}
	if shown := owner.Get("/org/versions/" + v.ID.String()).Body; !strings.Contains(shown, "its guest agent answers") || !strings.Contains(shown, "its TCP port 6818 answers") {
		t.Error("the version's page does not tell its gates")
	}
}

// TestGateTextIsTried shows on the form where a text stands on the image's last recorded console, also without scripts, and warns of an agent
// gate of an image that showed none.
func TestGateTextIsTried(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner := a.SignIn(handlertest.Owner)
	_, err := a.Pool.Exec(t.Context(), `UPDATE acceptance_tests SET report = '{"guest_agent": "none", "nodes": [{"name": "head", "console": "boots\n[  OK  ] Reached target \n<b>login:"}]}' WHERE id = $1`, a.Test(w))
	if err != nil {
		t.Fatal(err)
	}
	path := "/org/models/" + w.Model.String() + "/versions"
	f := form(grown(w), "try_gates", "1", "head_gate_text", "Reached target", "group_0_gate_kind", "agent", "group_0_gate_text", "slurmd")
	answer := owner.Post(path, f)
	for _, want := range []string{"on line 2 of 3 lines", "[  OK  ] Reached target", "in 3 lines. More may have stood before them", "the image showed none", `value="slurmd"`} {
		if !strings.Contains(answer.Body, want) {
			t.Errorf("the form does not say %q", want)
		}
	}
	if hostile := owner.Post(path, form(f, "head_gate_text", "login:")).Body; !strings.Contains(hostile, "on line 3 of 3 lines") || strings.Contains(hostile, "<b>login:") {
		t.Error("what a guest wrote is not shown as text")
	}
}
