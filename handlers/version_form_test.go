package handlers_test

import (
	"net/http"
	"net/url"
	"reflect"
	"strconv"
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
		"version": {"rc-2"}, "group_0_name": {"compute"}, "group_0_least": {"1"}, "group_0_most": {"4"}, "head_gate_kind": {"console"}, "head_gate_text": {"volary: ready"}, "head_gate_timeout": {"60"},
		"head_image": {w.Image.String()}, "head_vcpus": {"2"}, "head_memory_mib": {"512"}, "head_disk_gib": {"3"}, "head_user_data": {"#!/bin/sh\necho head\n"},
		"group_0_image": {w.Image.String()}, "group_0_vcpus": {"1"}, "group_0_memory_mib": {"256"}, "group_0_disk_gib": {"2"}, "group_0_user_data": {"#!/bin/sh\necho compute\n"},
		"group_0_gate_kind": {"address"}, "group_0_gate_text": {""}, "group_0_gate_timeout": {"90"},
		"sign_in_user": {"rocky"},
	}
}

const allSame = "group_0_same_image,group_0_same_size,group_0_same_user_data,group_0_same_gate"

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
	garbage := form(grown(w), "group_0_image", "", "group_0_vcpus", "none", "group_0_user_data", "  #!/bin/sh\n")
	v := madeVersion(t, a, w, owner, tick(garbage, allSame))
	head, compute := v.Groups[0], v.Groups[1]
	if compute.Name, compute.Count = head.Name, head.Count; !reflect.DeepEqual(compute, head) || head.Shape.VCPUs != 2 || head.UserData != "#!/bin/sh\necho head\n" {
		t.Errorf("compute nodes\n%+v\nhead\n%+v", compute, head)
	}
	edit := owner.Get("/org/versions/" + v.ID.String() + "/edit").Body
	for _, box := range strings.Split(allSame, ",") {
		if !strings.Contains(edit, `name="`+box+`" type="checkbox" value="1" checked`) {
			t.Errorf("%s is not ticked in the form of what it made", box)
		}
	}
	v = madeVersion(t, a, w, owner, tick(form(grown(w), "version", "rc-3"), "group_0_same_image"))
	if c := v.Groups[1]; c.Gate != (provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 90}) || c.Shape != (provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}) || c.UserData != "#!/bin/sh\necho compute\n" {
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
		"of the form":        {tick(form(grown(w), "head_vcpus", "0", "group_0_vcpus", "77"), allSame), []string{"head_vcpus"}, []string{`value="77"`, "echo compute"}},
		"of the text":        {tick(form(grown(w), "head_user_data", "  #!/bin/sh\n"), allSame), []string{"head_user_data"}, []string{"echo compute"}},
		"of another's image": {tick(form(grown(w), "head_image", w.Model.String()), allSame), []string{"head_image"}, nil},
		"without boxes":      {form(grown(w), "group_0_vcpus", "0", "group_0_user_data", "  #!/bin/sh\n"), []string{"group_0_vcpus", "group_0_user_data"}, nil},
		"text without boxes": {form(grown(w), "group_0_user_data", "  #!/bin/sh\n"), []string{"group_0_user_data"}, nil},
		"half":               {tick(form(grown(w), "group_0_memory_mib", "1"), "group_0_same_image"), []string{"group_0_memory_mib"}, []string{"group_0_same_image\" type=\"checkbox\" value=\"1\" checked"}},
	} {
		got := owner.Post("/org/models/"+w.Model.String()+"/versions", c.form)
		says(t, name, got, http.StatusUnprocessableEntity, c.kept...)
		for field := range grown(w) {
			marked, wanted := strings.Contains(got.Body, `id="`+field+`-error"`), strings.Contains(strings.Join(c.wrong, " "), field)
			if marked != wanted {
				t.Errorf("%s: %s is marked: %t, want %t", name, field, marked, wanted)
			}
		}
		if c.form.Has("group_0_same_size") && strings.Count(got.Body, "checked") != 4 {
			t.Errorf("%s: %d boxes are ticked, want 4", name, strings.Count(got.Body, "checked"))
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

	f := form(grown(w), "version", "rc-3", "sign_in_user", "", "head_memory_mib", "1024", "head_gate_kind", "address", "group_0_user_data", "#!/bin/sh\nset -e\necho compute\n")
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

// TestGroupsOfAVersion: a button adds a group or removes one, without scripts and without saving anything, and keeps what is typed; each group is
// what it says, and is compared with the group of its name.
func TestGroupsOfAVersion(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner := a.SignIn(handlertest.Owner)
	versions := "/org/models/" + w.Model.String() + "/versions"
	before := madeVersion(t, a, w, owner, grown(w))

	f := form(grown(w), "version", "rc-3", "head_vcpus", "many")
	more := owner.Post(versions, form(f, "add_group", "1"))
	says(t, "one more group", more, http.StatusOK, `value="rc-3"`, `value="many"`, "echo compute", `id="group_1"`, `name="group_1_name"`, `value="compute2"`,
		`name="group_1_same_gate" type="checkbox" value="1" checked`, `name="remove_group" value="1"`)
	lacks(t, "one more group", more, "field-error")
	f = tick(form(f, "head_vcpus", "2", "group_1_name", "gpu", "group_1_least", "0", "group_1_most", "2", "group_1_vcpus", "4", "group_1_memory_mib", "512", "group_1_disk_gib", "9"),
		"group_1_same_image,group_1_same_user_data,group_1_same_gate")
	less := owner.Post(versions, form(f, "remove_group", "0"))
	says(t, "one group less", less, http.StatusOK, `id="group_0"`, `value="gpu"`, `value="9"`)
	lacks(t, "one group less", less, `id="group_1"`)
	lacks(t, "one group less", less, `value="compute"`)
	says(t, "a group that is gone", owner.Post(versions, form(f, "remove_group", "7")), http.StatusOK, `id="group_1"`)
	if v, ok, err := a.Store.Models.VersionBefore(t.Context(), w.Organization, models.Version{ModelClusterID: w.Model}); err != nil || !ok || v.ID != before.ID {
		t.Errorf("a button of the form saved %+v, %v", v, err)
	}

	v := madeVersion(t, a, w, owner, f)
	if len(v.Groups) != 3 || v.Groups[2].Name != "gpu" || v.Groups[2].Count != (provisioner.Count{Most: 2}) || v.Groups[2].Shape.DiskGiB != 9 ||
		v.Groups[2].Gate != v.Groups[0].Gate || v.Groups[2].UserData != v.Groups[0].UserData || v.Groups[1].Gate == v.Groups[0].Gate {
		t.Errorf("groups %+v", v.Groups)
	}
	page := owner.Get("/org/versions/" + v.ID.String())
	says(t, "the page", page, http.StatusOK, `data-label="Of">gpu<`, "0 to 2", "User-data of gpu: the same as the head’s", "A cluster has until the latest of its nodes’ limits", v.DocumentDigest)
	lacks(t, "the page", page, `data-label="Of">compute<`)
	last := madeVersion(t, a, w, owner, tick(form(grown(w), "version", "rc-4", "group_0_name", "gpu"), allSame))
	says(t, "a group less", owner.Get("/org/versions/"+last.ID.String()), http.StatusOK, `data-label="Of">compute<`, "9 GiB")

	twice := owner.Post(versions, form(f, "version", "rc-5", "group_1_name", "compute"))
	says(t, "one name twice", twice, http.StatusUnprocessableEntity, `id="group_1_name-error"`, "Group 1 has this name, too", `value="rc-5"`)
	many := form(f, "version", "rc-5")
	for i := 2; i < 17; i++ {
		for _, field := range []string{"name", "least", "most", "same_image", "same_size", "same_user_data", "same_gate"} {
			many.Set("group_"+strconv.Itoa(i)+"_"+field, "1")
		}
		many.Set("group_"+strconv.Itoa(i)+"_name", "g"+strconv.Itoa(i))
	}
	full := owner.Post(versions, many)
	says(t, "too many groups", full, http.StatusUnprocessableEntity, `id="groups-error"`, "There are 17 compute groups; at most 16")
	if strings.Contains(full.Body, `name="add_group"`) {
		t.Error("one more than too many is offered")
	}
	again := owner.Post(versions, form(many, "add_group", "1"))
	lacks(t, "one more than too many", again, `id="group_17"`)
}

// The form of a version suggests a user to sign in as, with the reason, and fills in none.
func TestUsersToSignInAsAreSuggested(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	member := a.SignIn(handlertest.Member)
	form := "/org/models/" + w.Model.String() + "/versions/new"
	lacks(t, "an image of no known name", member.Get(form), "Suggested")
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := a.Pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`UPDATE images SET name = 'debian-12-genericcloud.qcow2' WHERE id = $1`, w.Image)
	got := member.Get(form)
	saysInWords(t, "by its name", got, "debian for debian-12-genericcloud.qcow2: usual in cloud images of Debian")
	lacks(t, "by its name", got, `value="debian"`)
	id, _ := a.Launch(w, "first", 1)
	exec(`UPDATE nodes SET sign_in = '{"user": "slurmadmin"}' WHERE cluster_id = $1 AND role = 'head'`, id)
	got = member.Get(form)
	saysInWords(t, "by the console", got, "slurmadmin for debian-12-genericcloud.qcow2: the head of first named it on its console")
	lacks(t, "by the console", got, `value="slurmadmin"`)
}
