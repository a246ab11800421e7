package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/store/models"
)

// grown are the fields of a version whose compute nodes are all that they can be otherwise than the head.
func grown(w *handlertest.World) url.Values {
	return url.Values{
		"version": {"rc-2"}, "compute_min": {"1"}, "compute_max": {"4"}, "gate_kind": {"console"}, "gate_text": {"volary: ready"}, "gate_timeout": {"60"},
		"head_image": {w.Image.String()}, "head_vcpus": {"2"}, "head_memory_mib": {"512"}, "head_disk_gib": {"3"}, "head_user_data": {"#!/bin/sh\necho head\n"},
		"compute_image": {w.Image.String()}, "compute_vcpus": {"1"}, "compute_memory_mib": {"256"}, "compute_disk_gib": {"2"}, "compute_user_data": {"#!/bin/sh\necho compute\n"},
		"sign_in_user": {"rocky"},
	}
}

const allSame = "compute_same_image,compute_same_size,compute_same_user_data"

func tick(f url.Values, boxes string) url.Values {
	f = form(f)
	for _, box := range strings.Split(boxes, ",") {
		f.Set(box, "1")
	}
	return f
}

// madeVersion posts the form of a new version and reads what became of it.
func madeVersion(t *testing.T, a *handlertest.App, w *handlertest.World, b *handlertest.Browser, f url.Values) models.Version {
	t.Helper()
	status, at := b.Status(http.MethodPost, "/org/models/"+w.Model.String()+"/versions", f)
	id, err := uuid.Parse(at[strings.LastIndex(at, "/")+1:])
	if status != http.StatusSeeOther || err != nil {
		t.Fatalf("%d to %q: %s", status, at, b.Post("/org/models/"+w.Model.String()+"/versions", f).Body)
	}
	v, err := a.Store.Models.Version(t.Context(), w.Organization, id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSameAsTheHead: a ticked box takes over what the head has, whatever stands in the fields below it; what is not ticked counts
// as it is typed.
func TestSameAsTheHead(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner := a.SignIn(handlertest.Owner)
	garbage := form(grown(w), "compute_image", "", "compute_vcpus", "none", "compute_user_data", "  #!/bin/sh\n")
	v := madeVersion(t, a, w, owner, tick(garbage, allSame))
	head, _ := v.Role(provisioner.RoleHead)
	compute, _ := v.Role(provisioner.RoleCompute)
	if compute.Role = head.Role; compute != head || head.Shape.VCPUs != 2 || head.UserData != "#!/bin/sh\necho head\n" {
		t.Errorf("compute nodes\n%+v\nhead\n%+v", compute, head)
	}
	edit := owner.Get("/org/versions/" + v.ID.String() + "/edit").Body
	for _, box := range strings.Split(allSame, ",") {
		if !strings.Contains(edit, `name="`+box+`" type="checkbox" value="1" checked`) {
			t.Errorf("%s is not ticked in the form of what it made", box)
		}
	}
	v = madeVersion(t, a, w, owner, tick(form(grown(w), "version", "rc-3"), "compute_same_image"))
	if c, _ := v.Role(provisioner.RoleCompute); c.Shape != (provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}) || c.UserData != "#!/bin/sh\necho compute\n" {
		t.Errorf("without their boxes: %+v", c)
	}
	if edit := owner.Get("/org/versions/" + v.ID.String() + "/edit").Body; strings.Count(edit, "checked") != 1 {
		t.Errorf("%d boxes are ticked, want the image's alone", strings.Count(edit, "checked"))
	}
}

// TestRefusalsOfWhatIsTheHeads name the head's field alone, and keep what is typed in every field, and the boxes.
func TestRefusalsOfWhatIsTheHeads(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner := a.SignIn(handlertest.Owner)
	for name, c := range map[string]struct {
		form        url.Values
		wrong, kept []string
	}{
		"of the form":        {tick(form(grown(w), "head_vcpus", "0", "compute_vcpus", "77"), allSame), []string{"head_vcpus"}, []string{`value="77"`, "echo compute"}},
		"of the text":        {tick(form(grown(w), "head_user_data", "  #!/bin/sh\n"), allSame), []string{"head_user_data"}, []string{"echo compute"}},
		"of another's image": {tick(form(grown(w), "head_image", w.Model.String()), allSame), []string{"head_image"}, nil},
		"without boxes":      {form(grown(w), "compute_vcpus", "0", "compute_user_data", "  #!/bin/sh\n"), []string{"compute_vcpus"}, nil},
		"text without boxes": {form(grown(w), "compute_user_data", "  #!/bin/sh\n"), []string{"compute_user_data"}, nil},
		"half":               {tick(form(grown(w), "compute_memory_mib", "1"), "compute_same_image"), []string{"compute_memory_mib"}, []string{"compute_same_image\" type=\"checkbox\" value=\"1\" checked"}},
	} {
		got := owner.Post("/org/models/"+w.Model.String()+"/versions", c.form)
		says(t, name, got, http.StatusUnprocessableEntity, c.kept...)
		for field := range grown(w) {
			marked, wanted := strings.Contains(got.Body, `id="`+field+`-error"`), strings.Contains(strings.Join(c.wrong, " "), field)
			if marked != wanted {
				t.Errorf("%s: %s is marked: %t, want %t", name, field, marked, wanted)
			}
		}
		if c.form.Has("compute_same_size") && strings.Count(got.Body, "checked") != 3 {
			t.Errorf("%s: %d boxes are ticked, want 3", name, strings.Count(got.Body, "checked"))
		}
	}
}

// TestNewVersionTakesEverythingOver: the form of a new version says what the newest one says, its user to sign in as included.
func TestNewVersionTakesEverythingOver(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner := a.SignIn(handlertest.Owner)
	before := madeVersion(t, a, w, owner, grown(w))
	first := owner.Get("/org/models/" + w.Model.String() + "/versions/new")
	says(t, "the form", first, http.StatusOK, "Everything is taken over from", "version", "rc-2", `value="rc-3"`, `value="rocky"`, "echo head", "echo compute", `value="volary: ready"`)

	f := form(grown(w), "version", "rc-3", "sign_in_user", "", "head_memory_mib", "1024", "gate_kind", "address", "compute_user_data", "#!/bin/sh\nset -e\necho compute\n")
	v := madeVersion(t, a, w, owner, f)
	changes := []string{
		"What differs from version", "rc-2", "512 MiB", "1024 MiB", "User to sign in as", "the image’s own", "a text appears on its console", "it took its address by DHCP",
		"User-data of compute", "1 line added, 0 removed", "<ins><bdi>set -e</bdi></ins>",
	}
	says(t, "the version's page", owner.Get("/org/versions/"+v.ID.String()), http.StatusOK, changes...)
	says(t, "the draft's form", owner.Get("/org/versions/"+v.ID.String()+"/edit"), http.StatusOK, changes...)
	refused := owner.Post("/org/versions/"+v.ID.String(), form(f, "token", "1", "head_vcpus", "many"))
	says(t, "a refused form", refused, http.StatusUnprocessableEntity, append(changes, "<bdi>many</bdi>")...)
	says(t, "the one before", owner.Get("/org/versions/"+before.ID.String()), http.StatusOK, "What differs from version", "echo head")
	for _, page := range []string{"/org/versions/" + w.Version.String(), "/org/models/" + w.Model.String() + "/versions/new"} {
		if strings.Contains(owner.Get(page).Body, "What differs from version") {
			t.Errorf("%s compares itself with something", page)
		}
	}
}
