package ui

import (
	"strings"
	"testing"
)

// Who is to upload something is told from four fifths on, with what has room still and the way out, and nothing before.
func TestQuotaNotice(t *testing.T) {
	const gib = int64(1) << 30
	for _, c := range []struct {
		p    QuotaProps
		want []string
	}{
		{QuotaProps{Allowed: 10 * gib, Stored: 4 * gib, Arriving: 3 * gib, Checking: gib - gib/64}, nil},
		{QuotaProps{Allowed: 10 * gib, Stored: 4 * gib, Arriving: 3 * gib, Checking: gib}, []string{"notice-warn", "Little room is left: 8 GiB of 10 GiB are used", "more than 2 GiB is refused", quotaWayOut}},
		{QuotaProps{Allowed: 10 * gib, Stored: 10*gib - 1}, []string{"notice-warn", "more than 1 B is refused"}},
		{QuotaProps{Allowed: 10 * gib, Arriving: 10 * gib}, []string{"notice-bad", "The quota is full: 10 GiB of 10 GiB are used", "next upload is refused", "its SHA-256", quotaWayOut}},
		{QuotaProps{Allowed: 10 * gib, Stored: 40 * gib}, []string{"notice-bad", "40 GiB of 10 GiB are used"}},
		{QuotaProps{}, []string{"notice-bad", "The quota is full"}},
	} {
		var page strings.Builder
		if err := QuotaNotice(c.p).Render(t.Context(), &page); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(page.String(), want) {
				t.Errorf("%+v: %q is not in %s", c.p, want, page.String())
			}
		}
		if (page.Len() == 0) != (c.want == nil) {
			t.Errorf("%+v: %s", c.p, page.String())
		}
	}
}
