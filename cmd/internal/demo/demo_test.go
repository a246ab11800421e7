package demo_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/cmd/internal/demo"
	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
	"volary.dev/store/blob"
	"volary.dev/store/storetest"
	"volary.dev/web/public"
)

func TestMain(m *testing.M) {
	image.Main()
	os.Exit(m.Run())
}

func options(t *testing.T) demo.Options {
	t.Helper()
	blobs, err := blob.OpenDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	scratch := t.TempDir()
	verifier := image.Verifier{Scratch: scratch}
	verify := func(ctx context.Context, path string) (provisioner.UploadVerdict, []string, error) {
		r, err := verifier.Verify(ctx, path, image.DefaultLimits(), image.Progress{})
		return r.UploadVerdict, r.Canonical, err
	}
	hosts, underlay := demo.SimulatedHosts()
	return demo.Options{
		Hosts: hosts, Underlay: underlay, Images: demo.Images{Blobs: blobs, Scratch: scratch, Verify: verify}, Now: time.Now(),
	}
}

func TestMakingItTwiceMakesEverythingOnce(t *testing.T) {
	ctx := t.Context()
	pool := storetest.Pool(t)
	o := options(t)
	o.Closed = []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("10.100.0.9/32")}
	var clusters [2]int
	for i := range 2 {
		if err := demo.Make(ctx, pool, o); err != nil {
			t.Fatal(err)
		}
		clusters[i] = count(t, pool, `SELECT count(*) FROM clusters`)
	}
	if n := count(t, pool, `SELECT count(*) FROM memberships m WHERE role IN ('owner', 'member') AND (SELECT count(*) FROM ssh_keys k WHERE k.person_id = m.person_id) <> 1`); n != 0 {
		t.Errorf("%d people who launch have no key, or several", n)
	}
	if clusters[0] != clusters[1] || clusters[0] < 30 {
		t.Errorf("%d clusters after the first time, %d after the second", clusters[0], clusters[1])
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM pools WHERE '203.0.113.7/32' = ANY (management)`:                       2, // the machine's own address
		`SELECT count(*) FROM pools WHERE '10.100.0.9/32' = ANY (management)`:                        1, // not where clusters' subnets hold it
		`SELECT count(*) FROM people`:                                                                len(demo.People()),
		`SELECT count(*) FROM hosts`:                                                                 demo.Hosts,
		`SELECT count(*) FROM hosts WHERE NOT fit AND check_state = 'waiting'`:                       demo.Hosts,
		`SELECT count(*) FROM hosts WHERE seen <> 'up' OR claimed_until > now()`:                     0, // the end of the past is no silence,
		`SELECT count(*) FROM host_silences`:                                                         0,
		`SELECT count(*) FROM notices WHERE kind = 'host_lost'`:                                      0, // of which staff would be told
		`SELECT count(*) FROM organizations`:                                                         2,
		`SELECT count(*) FROM acceptance_tests WHERE state = 'failed'`:                               2,
		`SELECT count(*) FROM acceptance_tests WHERE state = 'passed'`:                               2,
		`SELECT count(*) FROM clusters WHERE ended_at IS NULL OR reconciled_generation < generation`: 0,
		`SELECT count(*) FROM clusters WHERE created_at > now() OR ended_at > now()`:                 0,
		`SELECT count(*) FROM orders WHERE state = 'approved'`:                                       4,
		`SELECT count(*) FROM orders WHERE state = 'waiting'`:                                        1,
		`SELECT count(*) FROM launch_requests WHERE state = 'waiting'`:                               1,
		`SELECT count(*) FROM runs WHERE closed_at IS NULL`:                                          0,
		`SELECT count(*) FROM holds WHERE held > 0`:                                                  0,
	} {
		if got := count(t, pool, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	if days := count(t, pool, `SELECT count(DISTINCT from_at::date) FROM usage_lines`); days < 40 {
		t.Errorf("something was used on %d days of the last 90", days)
	}
	report, err := storetest.Open(t, pool).Books.VerifyLedger(ctx)
	if err != nil || report.Difference != nil || report.Entries < 100 {
		t.Errorf("the ledger of the past: %+v, %v", report, err)
	}
}

func count(t *testing.T, pool *pgxpool.Pool, query string) int {
	t.Helper()
	var n int
	if err := pool.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestDemoFollowsHostsThatMoved has the lab come back in another range of addresses than last time.
func TestDemoFollowsHostsThatMoved(t *testing.T) {
	pool := storetest.Pool(t)
	at := func(n byte) demo.Options {
		o := demo.Options{Underlay: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, n, 0}), 24)}
		for i := range byte(demo.Hosts) {
			ip := netip.AddrFrom4([4]byte{10, 77, n, 11 + i})
			o.Hosts = append(o.Hosts, demo.Host{
				Name: fmt.Sprintf("host-%d", i+1), Underlay: ip,
				Address: provisioner.HostAddress{Scheme: provisioner.SchemeTCP, Name: ip.String()},
			})
		}
		return o
	}
	for _, n := range []byte{1, 2, 2} {
		if err := demo.Make(t.Context(), pool, at(n)); err != nil {
			t.Fatal(err)
		}
	}
	var addresses, jobs int
	err := pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM hosts h JOIN pools p ON p.id = h.pool_id
			WHERE h.address LIKE '10.77.2.1_' AND h.address = host(h.underlay) AND p.underlay = '10.77.2.0/24' AND h.check_state = 'waiting'),
			(SELECT count(*) FROM audit WHERE verb = 'move host')`).Scan(&addresses, &jobs)
	if err != nil || addresses != demo.Hosts || jobs != demo.Hosts {
		t.Errorf("%d hosts in the new range, %d moves, %v", addresses, jobs, err)
	}
	simulated := demo.Options{}
	simulated.Hosts, simulated.Underlay = demo.SimulatedHosts()
	if err := demo.Make(t.Context(), pool, simulated); !errors.Is(err, demo.ErrMoved) {
		t.Errorf("error %v, want %v", err, demo.ErrMoved)
	}
}

// TestSignInPageNamesPeopleThatExist holds the page's list to the demo's.
func TestSignInPageNamesPeopleThatExist(t *testing.T) {
	for _, u := range public.DemoUsers() {
		known := slices.ContainsFunc(demo.People(), func(p demo.Person) bool {
			return p.Email == u.Email && p.Name == u.Name && p.Does == u.Does
		})
		if !known || u.Password != demo.Password {
			t.Errorf("the sign-in page names %+v, and the demo has no such person or password", u)
		}
	}
}
