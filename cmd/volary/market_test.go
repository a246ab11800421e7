package main

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run is a whole command line.
func run(t *testing.T, line ...string) error {
	t.Helper()
	var c commands
	k, err := kong.New(&c, kong.Name("volary"), kong.BindTo(t.Context(), (*context.Context)(nil)))
	noError(t, err)
	parsed, err := k.Parse(line)
	if err != nil {
		return err
	}
	return parsed.Run()
}

func TestMakeAMarketByCommands(t *testing.T) {
	pool := market(t)
	for _, line := range [][]string{
		{"org", "create", "Biology"},
		{"provider", "create", "South", "--currency=USD", "--accounting-zone=America/New_York"},
		{"user", "create", "ada@example.org", "--name=Ada", "--organization=Biology", "--role=owner"},
		{"user", "create", "vera@example.org", "--name=Vera", "--provider=South", "--staff-role=admin"},
		{"org", "add-member", "Astronomy", "ada@example.org", "--role=billing"},
		{"provider", "add-staff", "North", "vera@example.org", "--role=accountant"},
		{"pool", "add", "main", "--provider=South", "--prefix=10.128.0.0/12", "--underlay=192.0.2.0/24", "--management=198.51.100.0/24"},
		{"shape", "add", "small", "--provider=South", "--vcpus=1", "--memory=1024", "--disk=10"},
		{"host", "add", "h1", "--provider=South", "--pool=main", "--name=h1.example.org", "--underlay=192.0.2.1", "--no-wait"},
		{"host", "move", "h1", "--provider=South", "--name=h2.example.org", "--underlay=203.0.113.7", "--pool-underlay=203.0.113.0/24", "--no-wait"},
		{"host", "list", "--provider=South"},
	} {
		if err := run(t, line...); err != nil {
			t.Fatalf("volary %s: %v", strings.Join(line, " "), err)
		}
	}
	var members, staff, hosts int
	noError(t, pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM memberships), (SELECT count(*) FROM staff),
		(SELECT count(*) FROM hosts WHERE scheme = 'tls' AND address = 'h2.example.org' AND underlay = '203.0.113.7')`).Scan(&members, &staff, &hosts))
	if members != 2 || staff != 2 || hosts != 1 {
		t.Errorf("%d members, %d staff, %d hosts", members, staff, hosts)
	}
}

func TestCommandsRefuseInWords(t *testing.T) {
	pool := market(t)
	for want, line := range map[string][]string{
		"There is no such organization.":                           {"user", "create", "ada@example.org", "--name=Ada", "--organization=None"},
		"email: Write an e-mail address":                           {"user", "create", "ada", "--name=Ada"},
		"currency: \"euro\" is no currency":                        {"provider", "create", "South", "--currency=euro", "--accounting-zone=Europe/Berlin"},
		"There is an organization named \"Astronomy\" already.":    {"org", "create", "Astronomy"},
		"vcpus: Choose 1 to 1024 vCPUs; 0 was given.":              {"shape", "add", "small", "--provider=North", "--vcpus=0", "--memory=1024", "--disk=10"},
		"There is no such pool.":                                   {"host", "add", "h1", "--provider=North", "--pool=main", "--name=h1", "--underlay=192.0.2.1"},
		"prefix: 192.0.0.0/16 overlaps the underlay 192.0.2.0/24:": {"pool", "add", "main", "--provider=North", "--prefix=192.0.0.0/16", "--underlay=192.0.2.0/24"},
		"There is no such host: \"h1\".":                           {"host", "check", "h1", "--provider=North"},
	} {
		if err := run(t, line...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("volary %s: %v, want %q", strings.Join(line, " "), err, want)
		}
	}
	var people int
	noError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM people`).Scan(&people))
	if people != 0 {
		t.Errorf("%d people were left behind", people)
	}
}

func TestUserPasswordFromStandardInput(t *testing.T) {
	pool := market(t)
	var out bytes.Buffer
	u := createUser{Email: "Ada@Example.org", Name: "Ada", PasswordStdin: true}
	noError(t, u.run(t.Context(), strings.NewReader("a volary of birds\n"), &out))
	if strings.Contains(out.String(), "birds") || !strings.Contains(out.String(), "ada@example.org") {
		t.Errorf("printed %q", out.String())
	}
	if _, _, err := storetest.Open(t, pool).People.SignIn(t.Context(), "ada@example.org", "a volary of birds", "", "", ""); err != nil {
		t.Error(err)
	}
	if err := u.run(t.Context(), strings.NewReader(""), &out); err == nil {
		t.Error("no password was taken for one")
	}
}

func TestFollowCheck(t *testing.T) {
	w := storetest.NewWorld(t)
	id, err := w.DB.Machines.AddHost(t.Context(), uuid.Nil, w.Provider, w.PoolID, machines.NewHost{
		Name: "h4", Address: provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "h4"}, Underlay: netip.MustParseAddr("192.0.2.4"),
	})
	noError(t, err)
	var line bytes.Buffer
	noError(t, showLine(t.Context(), w.DB, id, &line))
	if !strings.Contains(line.String(), `> "$VOLARY_MEMORY_STATE_DIR"/h4-0.code`) {
		t.Error(line.String())
	}
	storetest.Enrol(t, w.DB, id)
	report := []provisioner.HostCheck{{Name: "connection", State: provisioner.CheckPassed, Detail: "libvirt 9.0.0"}, {Name: "overlay network", State: provisioner.CheckSkipped, Detail: "no other host"}, {Name: "storage", State: provisioner.CheckFailed, Detail: "there is no pool"}}
	noError(t, w.DB.Machines.HostCheckDone(t.Context(), id, provisioner.HostFacts{}, "", report, false))
	var out bytes.Buffer
	if err := followCheck(t.Context(), w.DB, id, &out); err == nil || !strings.Contains(out.String(), "FAILED   storage") || !strings.Contains(out.String(), "skipped  overlay") {
		t.Errorf("%v: %s", err, out.String())
	}
	out.Reset()
	noError(t, followCheck(t.Context(), w.DB, w.Hosts[0], &out))
	if !strings.Contains(out.String(), "host-1 is active: 8 vCPUs, 8192 MiB, 100 GiB, tcg.") {
		t.Error(out.String())
	}
	out.Reset()
	hosts, err := w.DB.Machines.Hosts(t.Context(), w.Provider)
	noError(t, err)
	noError(t, writeHosts(&out, hosts))
	if lines := strings.Split(out.String(), "\n"); len(lines) != 6 || !strings.Contains(lines[1], "storage: there is no pool") {
		t.Error(out.String())
	}
}

func TestDemoTwice(t *testing.T) {
	market(t)
	for range 2 {
		if err := run(t, "demo"); err != nil {
			t.Fatal(err)
		}
	}
}
