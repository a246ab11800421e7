package nethook

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestCounters tells a network's counters as nft has them, and says so where a table is not there: that lets everything pass.
func TestCounters(t *testing.T) {
	missing := ""
	h := hook{run: func(_ context.Context, c command) ([]byte, error) {
		family := c.args[len(c.args)-2]
		if family == missing || c.args[len(c.args)-1] != "vol7" {
			return nil, errors.New("No such file or directory")
		}
		var items []string
		for i, name := range counterNames[family] {
			items = append(items, fmt.Sprintf(`{"counter":{"name":%q,"packets":%d,"bytes":9}}`, name, i))
		}
		return []byte(`{"nftables":[` + strings.Join(items, ",") + `]}`), nil
	}}
	a := h.counted(t.Context(), 7)
	if a.Error != "" || len(a.Counters) != len(counterNames["inet"])+len(counterNames["bridge"])+len(counterNames["netdev"]) {
		t.Fatalf("%+v", a)
	}
	// Of inet "out" is the twelfth and "published" the next; every other rule drops.
	if edge := EdgeOf(a.Counters); edge.Passed != 11+12 || edge.Dropped != (13*14/2-23)+9*10/2+2*3/2 || edge.By["sealed"] != 8 {
		t.Errorf("%+v", edge)
	}
	if a := h.counted(t.Context(), 8); a.Error == "" {
		t.Errorf("a network that is not there: %+v", a)
	}
	for _, missing = range families {
		if a := h.counted(t.Context(), 7); a.Error == "" {
			t.Errorf("without its table %s: %+v", missing, a)
		}
	}
	ask, err := AskSetting(Question{Nonce: "n0", Counters: make([]uint32, MaxNetworks+1)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseAsk(ask); err == nil {
		t.Error("counters of any number of networks are asked for")
	}
}
