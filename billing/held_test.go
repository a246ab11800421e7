package billing_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"volary.dev/billing"
)

// TestLastOf gives a part back out of the lots that are used last, and never more than they hold.
func TestLastOf(t *testing.T) {
	a, b, c := uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
	held := []billing.HeldLot{{LotID: a, Held: 5}, {LotID: b, Held: 7}, {LotID: c, Held: 2}}
	for _, x := range []struct {
		part billing.Hours
		want []billing.Share
	}{
		{0, nil},
		{1, []billing.Share{{LotID: c, Hours: 1}}},
		{2, []billing.Share{{LotID: c, Hours: 2}}},
		{9, []billing.Share{{LotID: c, Hours: 2}, {LotID: b, Hours: 7}}},
		{10, []billing.Share{{LotID: c, Hours: 2}, {LotID: b, Hours: 7}, {LotID: a, Hours: 1}}},
		{15, []billing.Share{{LotID: c, Hours: 2}, {LotID: b, Hours: 7}, {LotID: a, Hours: 5}}},
	} {
		if got := billing.LastOf(held, x.part); !slices.Equal(got, x.want) || billing.SharesOf(got) != min(x.part, 14) {
			t.Errorf("%d: %v", x.part, got)
		}
	}
	if all := billing.AllOf(held); billing.SharesOf(all) != 14 || all[0].LotID != a || len(all) != 3 {
		t.Errorf("all: %v", all)
	}
}
