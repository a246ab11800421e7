package books_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/books"
)

func TestTwoHoldsAtOnceOnHoursForOne(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(11_700_000, nil)
	const launches = 8
	errs := make([]error, launches)
	var wait sync.WaitGroup
	for i := range launches {
		id, _ := w.cluster(1, 8*3600/4)
		wait.Go(func() {
			errs[i] = w.db.Books.HoldNow(t.Context(), w.provider, w.org, id, 2*billing.ComputeHour, at(0))
		})
	}
	wait.Wait()
	accepted := 0
	for _, err := range errs {
		if err == nil {
			accepted++
			continue
		}
		r, ok := refusal.As(err)
		if !ok || r.Code != "balance" || r.Title != "2.00 compute hours are needed, 1.25 are available." || r.Next == "" {
			t.Errorf("%v", err)
		}
	}
	if accepted != 1 {
		t.Errorf("%d of %d accepted", accepted, launches)
	}
	w.balance(7200, 0, 4500)
	w.verified()
}

func TestHoldRefusesWhatIsNoAmount(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(billing.ComputeHour, nil)
	id, _ := w.cluster(1, 100)
	for _, need := range []billing.Hours{0, -1, billing.MaxHours + 1} {
		err := w.db.Books.HoldNow(t.Context(), w.provider, w.org, id, need, at(0))
		if r, ok := refusal.As(err); !ok || r.Code != "balance" {
			t.Errorf("%d: %v", need, err)
		}
	}
}

func TestHoldWithoutAWalletOrWithExpiredHours(t *testing.T) {
	w := newLedgerWorld(t)
	id, _ := w.cluster(1, 100)
	err := w.db.Books.HoldNow(t.Context(), w.provider, w.org, id, 100_000, at(0))
	if r, ok := refusal.As(err); !ok || !strings.Contains(r.Title, "0.00 are available") {
		t.Errorf("%v", err)
	}
	expiry := time.Now().Add(time.Hour)
	w.grant(billing.ComputeHour, &expiry)
	err = w.db.Books.HoldNow(t.Context(), w.provider, w.org, id, 100_000, expiry)
	if r, ok := refusal.As(err); !ok || r.Code != "balance" {
		t.Errorf("%v", err)
	}
}

func TestHoldAgainForTheNextStart(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(1_000_000, nil)
	id, nodes := w.running(1, 100, at(0))
	w.proveUntil(0, 50, nodes...)
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(55)))
	w.must(w.db.Books.HoldNow(t.Context(), w.provider, w.org, id, 100_000, at(60)))
	w.ready(id, at(70))
	w.proveUntil(70, 100, nodes...)
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(105)))
	w.balance(0, 80, 920)
	runs, sum, err := w.db.Books.ListRuns(t.Context(), w.org, id, books.RunFilter{})
	if err != nil || sum.All != 80_000 || len(runs) != 2 || runs[0].NodeName != runs[1].NodeName {
		t.Errorf("%+v of %+v, %v", runs, sum, err)
	}
	w.verified()
}

func TestGrantRefusals(t *testing.T) {
	w := newLedgerWorld(t)
	past := time.Now().Add(-time.Hour)
	for name, c := range map[string]struct {
		grant books.Grant
		code  string
		field string
	}{
		"zero":         {books.Grant{ProviderID: w.provider, OrganizationID: w.org}, "invalid", "hours"},
		"negative":     {books.Grant{ProviderID: w.provider, OrganizationID: w.org, Hours: -1}, "invalid", "hours"},
		"enormous":     {books.Grant{ProviderID: w.provider, OrganizationID: w.org, Hours: billing.MaxHours + 1}, "invalid", "hours"},
		"expired":      {books.Grant{ProviderID: w.provider, OrganizationID: w.org, Hours: 1, ExpiresAt: &past}, "invalid", "expires"},
		"long note":    {books.Grant{ProviderID: w.provider, OrganizationID: w.org, Hours: 1, Note: strings.Repeat("é", 501)}, "invalid", "note"},
		"no provider":  {books.Grant{ProviderID: uuid.New(), OrganizationID: w.org, Hours: 1}, "not_found", ""},
		"organization": {books.Grant{ProviderID: w.provider, OrganizationID: uuid.New(), Hours: 1}, "not_found", ""},
	} {
		_, err := w.db.Books.GrantHours(t.Context(), c.grant)
		r, ok := refusal.As(err)
		if !ok || r.Code != c.code || c.field != "" && r.Fields[c.field] == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := w.count(`SELECT count(*) FROM ledger_entries`); n != 0 {
		t.Errorf("%d entries after refusals", n)
	}
}
