package billing_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/billing"
)

// apelKeys are those that the loader knows; any other rejects a record.
const apelKeys = `RecordCreateTime VMUUID SiteName CloudComputeService MachineName LocalUserId LocalGroupId GlobalUserName FQAN Status StartTime EndTime SuspendDuration WallDuration
	CpuDuration CpuCount NetworkType NetworkInbound NetworkOutbound PublicIPCount Memory Disk BenchmarkType Benchmark StorageRecordId ImageId CloudType`

func apel(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }

// apelMessages writes machines as those of November, made at a time, and gives the messages.
func apelMessages(t *testing.T, made time.Time, vms ...billing.VMUse) []string {
	t.Helper()
	var b bytes.Buffer
	w := billing.NewApelWriter(&b, focusMonth, made, "messages")
	for _, v := range vms {
		if err := w.VM(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(text))
	}
	return list
}

// readApel reads a message as the loader does: a header, records between lines of %%, and keys that it knows, once each.
func readApel(t *testing.T, message string) (records []map[string]string) {
	t.Helper()
	body, ok := strings.CutPrefix(message, "APEL-cloud-message: v0.4\n")
	if !ok {
		t.Fatalf("begins with %.40q", message)
	}
	for _, text := range strings.Split(body, "%%\n") {
		record := map[string]string{}
		for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			key, value, ok := strings.Cut(line, ":")
			if value = strings.TrimSpace(value); !ok || !slices.Contains(strings.Fields(apelKeys), key) || record[key] != "" {
				t.Fatalf("line %q", line)
			}
			if slices.Contains([]string{"none", "null", ""}, strings.ToLower(value)) {
				value = "<null>"
			}
			record[key] = value
		}
		records = append(records, record)
	}
	return records
}

func vm() billing.VMUse {
	return billing.VMUse{
		NodeID: focusNode, Machine: "trial-compute-001", Site: "North", Service: "main", PersonID: focusOrg, GroupID: focusOrg, Group: "Universität Köln; Physik",
		Began: apel(2, 0), Until: apel(10, 0), Running: true, Wall: 5 * 86400, VCPUs: 4, MemoryMiB: 8192, DiskGiB: 20, ImageDigest: "abab", CloudVersion: "1.0",
	}
}

// TestApelRules is the rules of an APEL cloud record, a rule a row.
func TestApelRules(t *testing.T) {
	with := func(f func(v *billing.VMUse)) billing.VMUse {
		v := vm()
		f(&v)
		return v
	}
	now, later := apel(10, 0), apel(30, 0).AddDate(0, 1, 0)
	stopped := with(func(v *billing.VMUse) { v.Running = false })
	done := with(func(v *billing.VMUse) { v.Running, v.Ended = false, apel(9, 0) })
	named := func(name string) billing.VMUse {
		return with(func(v *billing.VMUse) {
			v.Group, v.Machine, v.Service, v.Site, v.ImageDigest = name, name, name, name, name
		})
	}
	for _, c := range []struct {
		rule      string
		vm        billing.VMUse
		made      time.Time
		key, want string
	}{
		{"the id is the machine's", vm(), now, "VMUUID", focusNode.String()},
		{"when it was measured is always said", vm(), now, "RecordCreateTime", fmt.Sprint(now.Unix())},
		{"of a month before, it is within that month", vm(), later, "RecordCreateTime", fmt.Sprint(time.Date(2026, 11, 30, 23, 59, 59, 0, time.UTC).Unix())},
		{"what runs has started", vm(), now, "Status", "started"},
		{"and has no end", vm(), now, "EndTime", "<null>"},
		{"what ended later had started then", vm(), later, "Status", "started"},
		{"since the machine began", vm(), now, "StartTime", fmt.Sprint(apel(2, 0).Unix())},
		{"wall is cumulative", vm(), now, "WallDuration", fmt.Sprint(5 * 86400)},
		{"cpu is wall by vCPUs", vm(), now, "CpuDuration", fmt.Sprint(4 * 5 * 86400)},
		{"suspended between runs", vm(), now, "SuspendDuration", fmt.Sprint(3 * 86400)},
		{"a machine that is stopped", stopped, apel(11, 0), "Status", "stopped"},
		{"is suspended up to now", stopped, apel(11, 0), "SuspendDuration", fmt.Sprint(4 * 86400)},
		{"and has no end either", stopped, now, "EndTime", "<null>"},
		{"gone for good is completed", done, now, "Status", "completed"},
		{"and completed has an end", done, now, "EndTime", fmt.Sprint(apel(9, 0).Unix())},
		{"suspended between runs only", done, now, "SuspendDuration", fmt.Sprint(2 * 86400)},
		{"no duration is zero", with(func(v *billing.VMUse) { v.Wall = 0 }), now, "WallDuration", "1"},
		{"of cpus neither", with(func(v *billing.VMUse) { v.Wall = 0 }), now, "CpuDuration", "4"},
		{"vCPUs are a whole number", vm(), now, "CpuCount", "4"},
		{"memory in MB", vm(), now, "Memory", "8192"},
		{"disk in GB", vm(), now, "Disk", "20"},
		{"addresses", vm(), now, "PublicIPCount", "0"},
		{"the group is its id", vm(), now, "LocalGroupId", focusOrg.String()},
		{"the VO is ASCII and ends at no semicolon", vm(), now, "FQAN", "Universitat Koln, Physik"},
		{"a VO that looks like an attribute", named("/admin/Role=x"), now, "FQAN", "admin/Role=x"},
		{"nobody is named", vm(), now, "GlobalUserName", "withheld"},
		{"a name of another script", named("Физика"), now, "FQAN", focusOrg.String()},
		{"a site of another script", named("Физика"), now, "SiteName", "SITE"},
		{"a name that means nothing", named("None"), now, "FQAN", focusOrg.String()},
		{"a machine that means nothing", named("NULL"), now, "MachineName", focusNode.String()},
		{"a name with a separator", named("a\n%%\nVMUUID: x"), now, "MachineName", "a %% VMUUID: x"},
		{"a site without blanks", named("North Pole (lab)"), now, "SiteName", "North-Pole--lab"},
		{"a long name", named(strings.Repeat("x", 400)), now, "MachineName", strings.Repeat("x", 255)},
		{"the software", vm(), now, "CloudType", "volary/1.0 (KVM)"},
	} {
		messages := apelMessages(t, c.made, c.vm)
		if len(messages) != 1 {
			t.Fatalf("%s: %d messages", c.rule, len(messages))
		}
		records := readApel(t, messages[0])
		if len(records) != 1 || records[0][c.key] != c.want {
			t.Errorf("%s: %s is %q, want %q", c.rule, c.key, records[0][c.key], c.want)
		}
		for _, key := range []string{"VMUUID", "SiteName", "RecordCreateTime", "StartTime", "WallDuration", "CloudComputeService", "ImageId"} {
			if v := records[0][key]; v == "" || v == "<null>" {
				t.Errorf("%s: %s is null", c.rule, key)
			}
		}
		if i := strings.IndexFunc(messages[0], func(r rune) bool { return r > 126 || r < ' ' && r != '\n' }); i >= 0 {
			t.Errorf("%s: %q is not ASCII", c.rule, messages[0][i:])
		}
	}
}

// TestApelMessagesAreSmall: less than 1 MB and at most 1,000 records each, and together every machine once.
func TestApelMessagesAreSmall(t *testing.T) {
	var vms []billing.VMUse
	long := strings.Repeat("n", 255)
	for range 2500 {
		v := vm()
		v.NodeID = uuid.New()
		v.Machine, v.Service, v.Site, v.Group, v.ImageDigest, v.CloudVersion = long, long, long, long, long, long
		vms = append(vms, v)
	}
	seen := map[string]bool{}
	messages := apelMessages(t, apel(10, 0), vms...)
	for _, m := range messages {
		if len(m) >= 1_000_000 {
			t.Errorf("a message of %d bytes", len(m))
		}
		records := readApel(t, m)
		if len(records) > 1000 {
			t.Errorf("a message of %d records", len(records))
		}
		for _, r := range records {
			seen[r["VMUUID"]] = true
		}
	}
	if len(seen) != len(vms) || len(messages) < 3 {
		t.Errorf("%d of %d machines in %d messages", len(seen), len(vms), len(messages))
	}
	if m := apelMessages(t, apel(10, 0)); len(m) != 0 {
		t.Errorf("a month without machines has %q", m)
	}
}
