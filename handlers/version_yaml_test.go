package handlers_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/store/models"
)

// threeYAML is what describeThree makes by the form, as a person writes it: the image by its name alone.
const threeYAML = `# three groups
volary: 1
head:
GROUP
  gate: {kind: address, timeout_seconds: 60}
compute:
- name: compute
  count: {least: 1, most: 4}
GROUP
  gate: {kind: address, timeout_seconds: 60}
- name: gpu
  count: {most: 2}
GROUP
  gate: {kind: console, text: "volary: ready", timeout_seconds: 60}
`

func threeGroups() string {
	return strings.ReplaceAll(threeYAML, "GROUP", "  image: {name: sample.qcow2}\n  shape: {vcpus: 1, memory_mib: 256, disk_gib: 2}")
}

func versionAt(t *testing.T, a *handlertest.App, w *handlertest.World, got handlertest.Answer) models.Version {
	t.Helper()
	at := got.Header.Get("Location")
	id, err := uuid.Parse(at[strings.LastIndex(at, "/")+1:])
	if got.Status != http.StatusSeeOther || err != nil {
		t.Fatalf("%d to %q: %s", got.Status, at, words(got))
	}
	v, err := a.Store.Models.Version(t.Context(), w.Organization, id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// typedIn is what a hidden field or a text area of a page has.
func typedIn(t *testing.T, page, name string) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)(?:<textarea[^>]* name="` + name + `"[^>]*>(.*?)</textarea>|<input type="hidden" name="` + name + `" value="([^"]*)")`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no field %s in %s", name, page)
	}
	return html.UnescapeString(m[1] + m[2])
}

// saidInWords is saysInWords of names and signs: no blank stands before a comma or a colon.
func saidInWords(t *testing.T, what string, got handlertest.Answer, want ...string) {
	t.Helper()
	got.Body = html.UnescapeString(words(got))
	got.Body = strings.NewReplacer(" ,", ",", " :", ":", "\u2068", "", "\u2069", "").Replace(got.Body)
	for _, w := range want {
		if !strings.Contains(got.Body, w) {
			t.Errorf("%s does not say %q in %.1500s", what, w, got.Body)
		}
	}
}

// TestAVersionByFormAndByYAML: the same model by either way is one document, and a downloaded file makes it again.
func TestAVersionByFormAndByYAML(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	member := a.SignIn(handlertest.Member)
	byForm, err := a.Store.Models.Version(t.Context(), w.Organization, describeThree(t, member, w))
	if err != nil {
		t.Fatal(err)
	}
	versions := "/org/models/" + byForm.ModelClusterID.String() + "/versions"
	says(t, "the editor", member.Get(versions+"/new?as=yaml"), http.StatusOK, "volary: 1", "name: gpu", "cluster.yaml", `value="1.1"`)

	byYAML := versionAt(t, a, w, member.Post(versions, url.Values{"version": {"2"}, "yaml": {strings.ReplaceAll(threeGroups(), "\n", "\r\n")}}))
	if byYAML.DocumentDigest != byForm.DocumentDigest || byYAML.Groups[2].ImageID != w.Image {
		t.Errorf("by YAML %s, by the form %s: %+v", byYAML.DocumentDigest, byForm.DocumentDigest, byYAML.Groups)
	}
	file := member.Get("/org/versions/" + byForm.ID.String() + "/cluster.yaml")
	says(t, "the file", file, http.StatusOK, "# yaml-language-server: $schema=", manifest.SchemaPath, "volary: 1", byForm.Model.Head.Image.Digest)
	if got := file.Header.Get("Content-Disposition"); !strings.Contains(got, "attachment; filename=cluster.yaml") {
		t.Errorf("sent as %q", got)
	}
	again := versionAt(t, a, w, member.Post(versions, url.Values{"version": {"3"}, "yaml": {file.Body}}))
	if again.DocumentDigest != byForm.DocumentDigest {
		t.Errorf("of its own file: %s", again.DocumentDigest)
	}
	if m, err := manifest.ReadYAML([]byte(file.Body)); err != nil || manifest.Digest(manifest.Canonical(m)) != byForm.DocumentDigest {
		t.Errorf("by the command: %+v, %v", m, err)
	}

	// A draft is edited as YAML, unless somebody was faster.
	draft := "/org/versions/" + byYAML.ID.String()
	says(t, "the draft as YAML", member.Get(draft+"/edit?as=yaml"), http.StatusOK, `name="token" value="1"`, "name: gpu")
	changed := url.Values{"version": {"2"}, "token": {"1"}, "yaml": {strings.Replace(threeGroups(), "most: 2", "most: 3", 1)}}
	if v := versionAt(t, a, w, member.Post(draft, changed)); v.ID != byYAML.ID || v.Model.Compute[1].Count.Most != 3 {
		t.Errorf("the draft is %+v", v)
	}
	says(t, "the draft of before", member.Post(draft, changed), http.StatusConflict, "Someone changed this version meanwhile", "# three groups")
}

// TestFaultsOfYAMLOnThePage: each fault at its line with the line, all at once, and what was typed is kept.
func TestFaultsOfYAMLOnThePage(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner := a.SignIn(handlertest.Owner)
	versions := "/org/models/" + w.Model.String() + "/versions"
	for _, c := range []struct {
		name, old, change string
		want              []string
	}{
		{"no YAML", "head:", "\thead:", []string{"Line 3, column 2", "begins with a tab"}},
		{"unknown keys", "most: 2", "moist: 2, mast: 3", []string{"Line 14, column 11, compute[1].count: The key", "moist", "mast", "2 lines to correct"}},
		{
			"a bound, and an image that is not there", "  image: {name: sample.qcow2}\n  shape: {vcpus: 1,", "  image: {name: nobody's}\n  shape: {vcpus: 0,",
			[]string{"Line 4, column 17, head.image.name: The organization has no image named “nobody's”. Name one of yours, such as “sample.qcow2”.", "Line 5, column 18, head.shape.vcpus: Choose 1 to 256 vCPUs; 0 was given."},
		},
		{"an image of another digest", "{name: sample.qcow2}", "{name: sample.qcow2, digest: " + strings.Repeat("f", 64) + "}", []string{"head.image.digest: No image of the organization has this digest: it was never here, or it was deleted."}},
		{"no image", "  image: {name: sample.qcow2}\n", "", []string{"Line 3, column 1, head.image: Choose an image."}},
		{"another format", "volary: 1", "volary: 2", []string{"Line 2, column 9, volary: Write volary: 1"}},
		{"what cannot be done yet", "compute:\n", "  firmware: uefi\ncompute:\n", []string{"Line 7, column 13, head.firmware: The group asks for other firmware than its image is started by."}},
		{"counts that cross", "{least: 1, most: 4}", "{least: 5, most: 4}", []string{"Line 9, column 27, compute[0].count.most: The most (4) is less than the least (5)."}},
		{"another's name", "name: gpu", "name: compute", []string{"compute[1].name: Group 1 has this name, too."}},
	} {
		text := strings.Replace(threeGroups(), c.old, c.change, 1)
		got := owner.Post(versions, url.Values{"version": {"rc-2"}, "yaml": {text}})
		says(t, c.name, got, http.StatusUnprocessableEntity, `value="rc-2"`)
		saidInWords(t, c.name, got, c.want...)
		if kept := typedIn(t, got.Body, "yaml"); kept != text {
			t.Errorf("%s: kept is %q", c.name, kept)
		}
	}
	got := owner.Post(versions, url.Values{"version": {""}, "yaml": {strings.Replace(threeGroups(), "volary: 1", "volary: one", 1)}})
	says(t, "a version without a name", got, http.StatusUnprocessableEntity, `id="version-error"`, "Write a whole number")
	if _, ok, err := a.Store.Models.VersionBefore(t.Context(), w.Organization, models.Version{ModelClusterID: w.Model}); err != nil || !ok {
		t.Errorf("%t, %v", ok, err)
	}
	long := owner.Post(versions, url.Values{"version": {"rc-2"}, "yaml": {threeGroups() + "{a: " + strings.Repeat("x", 9000) + "}"}})
	saidInWords(t, "a long line", long, strings.Repeat("x", 100)+"…")
	if m := strings.Count(long.Body, "x"); m > 9000+500 {
		t.Errorf("the line is shown whole, too: %d", m)
	}
	groups := threeGroups() + strings.Repeat("- {name: a}\n", 50)
	saidInWords(t, "too many groups for a form", owner.Post(versions, url.Values{"version": {"rc-2"}, "yaml": {groups}, "as_form": {"1"}}), "compute: There are 52 compute groups; at most 16 are taken.")
	full := owner.Post(versions, url.Values{"version": {"rc-2"}, "yaml": {strings.Repeat("x: 1\n", 60)}})
	saidInWords(t, "many faults", full, "60 lines to correct", "40 more are not shown")
}

// TestTheFormKeepsWhatItDoesNotShow: by form, by YAML and between them without saving.
func TestTheFormKeepsWhatItDoesNotShow(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner := a.SignIn(handlertest.Owner)
	versions := "/org/models/" + w.Model.String() + "/versions"
	text := strings.Replace(threeGroups(), "compute:\n", "  firmware: bios\ncommands: {drain: [drain, -f], queue: [squeue]}\ncompute:\n", 1)
	v := versionAt(t, a, w, owner.Post(versions, url.Values{"version": {"rc-2"}, "yaml": {text}}))
	if v.Model.Head.Firmware != provisioner.FirmwareBIOS || len(v.Model.Commands.Drain) != 2 {
		t.Fatalf("%+v", v.Model)
	}
	edit := owner.Get("/org/versions/" + v.ID.String() + "/edit")
	says(t, "the form", edit, http.StatusOK, "and keeps it: commands, firmware.")
	f := tick(form(grown(w), "version", "rc-2", "token", "1", "kept", typedIn(t, edit.Body, "kept"), "sign_in_user", ""), allSame)
	v = versionAt(t, a, w, owner.Post("/org/versions/"+v.ID.String(), f))
	if v.Model.Head.Firmware != provisioner.FirmwareBIOS || len(v.Model.Commands.Drain) != 2 || len(v.Model.Compute) != 1 || v.Model.Compute[0].Firmware != "" || v.Model.Head.UserData == "" {
		t.Errorf("saved by the form: %+v", v.Model)
	}

	// To the editor and back, nothing saved: what was typed in either goes along.
	asYAML := owner.Post("/org/versions/"+v.ID.String(), form(f, "token", "2", "as_yaml", "1", "head_vcpus", "7"))
	says(t, "as YAML", asYAML, http.StatusOK, "vcpus: 7", "firmware: bios", "name: sample.qcow2")
	file := strings.Replace(typedIn(t, asYAML.Body, "yaml"), "    - squeue", "    - qstat", 1)
	file = strings.Replace(file, "[squeue]", "[qstat]", 1)
	back := owner.Post("/org/versions/"+v.ID.String(), url.Values{"version": {"rc-2"}, "token": {"2"}, "yaml": {file}, "as_form": {"1"}})
	says(t, "and back", back, http.StatusOK, `name="head_vcpus"`, `value="7"`, `value="2"`)
	if k := typedIn(t, back.Body, "kept"); !strings.Contains(k, "qstat") || !strings.Contains(k, "bios") {
		t.Errorf("kept is %s", k)
	}
	says(t, "what no file can say", owner.Post("/org/versions/"+v.ID.String(), form(f, "as_yaml", "1", "head_vcpus", "many")), http.StatusUnprocessableEntity,
		`id="head_vcpus-error"`, "before the version is shown as YAML")
	says(t, "a form that was forged", owner.Post("/org/versions/"+v.ID.String(), form(f, "token", "2", "kept", "{}")), http.StatusBadRequest, "could not be read")

	// A group that goes takes what is hidden of it along, and one that comes has nothing.
	third := `{"compute":[{"firmware":"uefi","gate":{"kind":"","timeout_seconds":0},"image":{"digest":"","name":""},"shape":{"disk_gib":0,"memory_mib":0,"vcpus":0}}],` +
		`"head":{"gate":{"kind":"","timeout_seconds":0},"image":{"digest":"","name":""},"shape":{"disk_gib":0,"memory_mib":0,"vcpus":0}},"volary":1}`
	says(t, "one more group", owner.Post(versions, form(f, "kept", third, "add_group", "1")), http.StatusOK, `name="kept"`, "uefi")
	lacks(t, "the group is gone", owner.Post(versions, form(f, "kept", third, "remove_group", "0")), `name="kept"`)
	says(t, "what the form cannot mark", owner.Post(versions, form(f, "version", "rc-3", "kept", third)), http.StatusUnprocessableEntity,
		"compute[0].firmware: The group asks for other firmware", "what has none is edited as YAML")
}

// TestAnyTwoVersionsAreCompared and any of them is cloned to the next.
func TestAnyTwoVersionsAreCompared(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner := a.SignIn(handlertest.Owner)
	versions := "/org/models/" + w.Model.String() + "/versions"
	var made []models.Version
	for i, change := range []string{"vcpus: 1", "vcpus: 2", "vcpus: 3"} {
		text := strings.Replace(threeGroups(), "vcpus: 1", change, 1)
		if i == 2 {
			text += "commands: {drain: [drain, -f]}\n"
		}
		made = append(made, versionAt(t, a, w, owner.Post(versions, url.Values{"version": {fmt.Sprintf("rc-%d", i+2)}, "yaml": {text}})))
	}
	at := "/org/versions/" + made[2].ID.String() + "/compare"
	saidInWords(t, "with the one before", owner.Get(at), "What differs from version rc-3", "vCPUs head 2 3", `Command that drains cluster – ["drain","-f"]`)
	saidInWords(t, "with the first", owner.Get(at+"?with="+made[0].ID.String()), "What differs from version rc-2", "vCPUs head 1 3")
	saidInWords(t, "the other way round", owner.Get("/org/versions/"+made[0].ID.String()+"/compare?with="+made[2].ID.String()), "What differs from version rc-4", "vCPUs head 3 1")
	says(t, "with nothing", owner.Get(at+"?with="+uuid.NewString()), http.StatusNotFound)
	clone := owner.Get(versions + "/new?from=" + made[1].ID.String())
	says(t, "the clone of the middle", clone, http.StatusOK, `id="head_vcpus" name="head_vcpus" type="text" value="2"`, `value="rc-5"`)
	says(t, "the clone of the last, as YAML", owner.Get(versions+"/new?as=yaml&from="+made[2].ID.String()), http.StatusOK, "vcpus: 3", "drain")
	says(t, "the clone of nothing", owner.Get(versions+"/new?from="+uuid.NewString()), http.StatusNotFound)
	says(t, "the page", owner.Get("/org/versions/"+made[0].ID.String()), http.StatusOK, versions+"/new?from="+made[0].ID.String(), "The document as YAML", "name: gpu")
}

// TestVariablesOfUserDataOnPages: named on form and editor, shown filled in, and refused at the line.
func TestVariablesOfUserDataOnPages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner := a.SignIn(handlertest.Owner)
	versions := "/org/models/" + w.Model.String() + "/versions"
	text := strings.Replace(threeGroups(), "- name: gpu\n", "- name: gpu\n  user_data: |\n    #!/bin/sh\n    echo __VOLARY_HEAD_ADDRESS__ __VOLARY_NODE_NAME__\n", 1)
	v := versionAt(t, a, w, owner.Post(versions, url.Values{"version": {"rc-2"}, "yaml": {text}}))
	says(t, "the page", owner.Get("/org/versions/"+v.ID.String()), http.StatusOK, "echo __VOLARY_HEAD_ADDRESS__", "echo 10.128.0.10 gpu-001", "User-data of gpu with its variables filled in")
	for _, page := range []string{"edit", "edit?as=yaml"} {
		says(t, page, owner.Get("/org/versions/"+v.ID.String()+"/"+page), http.StatusOK, "__VOLARY_COMPUTE_COUNT__", "how many compute nodes the cluster has")
	}
	wrong := owner.Post(versions, url.Values{"version": {"rc-3"}, "yaml": {strings.Replace(text, "NODE_NAME__", "NODE_NAM__", 1)}})
	saidInWords(t, "the editor", wrong, "Line 16, column 5, compute[1].user_data: Line 2 of the user-data has the variable __VOLARY_NODE_NAM__, which is not known. Known are __VOLARY_HEAD_ADDRESS__")
	says(t, "the form", owner.Post(versions, form(grown(w), "head_user_data", "#!/bin/sh\n__VOLARY_X__\n")), http.StatusUnprocessableEntity, `id="head_user_data-error"`, "Line 2 of the user-data has the variable __VOLARY_X__")
}

func TestTheSchemaIsPublic(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	got := a.Browser().Get(manifest.SchemaPath)
	says(t, "the schema", got, http.StatusOK, `"https://json-schema.org/draft/2020-12/schema"`)
	if got.Header.Get("Content-Type") != "application/schema+json" || got.Header.Get("Access-Control-Allow-Origin") != "*" || got.Body != string(manifest.Schema) {
		t.Errorf("%v", got.Header)
	}
}
