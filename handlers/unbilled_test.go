package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// TestUnbilledTimeIsShown: a node of one month in the past was proven until 09:00:00 and found started anew 90 s later.
func TestUnbilledTimeIsShown(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	cluster, head := a.Launch(w, "gap", 0)
	for _, sql := range []string{
		`UPDATE clusters SET created_at = '2026-02-03 07:00Z' WHERE id = $1`,
		`INSERT INTO runs (id, wallet_id, cluster_id, node_id, start_id, rate, started_at, ended_at, ends_by, proven_at, closed_at, close_reason, span)
		 SELECT gen_random_uuid(), w.id, c.id, n.id, 's', 2000, '2026-02-03 08:00Z', '2026-02-03 09:00Z', '2026-02-03 12:00Z', '2026-02-03 09:00Z',
		        '2026-02-03 09:01:30Z', 'restarted', tstzrange('2026-02-03 08:00Z', '2026-02-03 09:00Z')
		   FROM clusters c JOIN nodes n ON n.cluster_id = c.id JOIN wallets w ON w.organization_id = c.organization_id AND w.provider_id = c.provider_id
		  WHERE c.id = $1`,
	} {
		if _, err := a.Pool.Exec(t.Context(), sql, cluster); err != nil {
			t.Fatal(err)
		}
	}
	var host string
	if err := a.Pool.QueryRow(t.Context(), `SELECT h.name FROM hosts h JOIN nodes n ON n.host_id = h.id WHERE n.id = $1`, head).Scan(&host); err != nil {
		t.Fatal(err)
	}
	accountant, south := a.SignIn(handlertest.Accountant), a.SignIn(handlertest.OtherAdmin)
	got := accountant.Get("/provider/usage?month=2026-02")
	for _, want := range []string{"does not pay for what is not proven", "Machine started anew", `data-label="Host" class="breaks"><bdi>` + host + "<", "1 min 30 s", "0.0500"} {
		if got.Status != http.StatusOK || !strings.Contains(got.Body, want) {
			t.Errorf("%d, and the page lacks %q", got.Status, want)
		}
	}
	for name, body := range map[string]string{
		"another month": accountant.Get("/provider/usage?month=2026-03").Body, "another provider": south.Get("/provider/usage?month=2026-02").Body,
	} {
		if !strings.Contains(body, "Nothing in this month") || strings.Contains(body, "Machine started anew") {
			t.Errorf("%s shows it", name)
		}
	}
}
