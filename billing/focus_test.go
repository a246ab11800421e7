package billing_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/billing"
)

// focusFile is a dataset as it was written: rows by column.
type focusFile struct {
	columns []string
	rows    []map[string]string
}

func readFocus(t *testing.T, text string) focusFile {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatal(len(all), err)
	}
	f := focusFile{columns: all[0]}
	for _, r := range all[1:] {
		row := map[string]string{}
		for i, cell := range r {
			row[f.columns[i]] = cell
		}
		f.rows = append(f.rows, row)
	}
	return f
}

var (
	focusOrg   = uuid.MustParse("01900000-0000-7000-8000-000000000001")
	focusNode  = uuid.MustParse("01900000-0000-7000-8000-000000000002")
	focusMonth = billing.Month{Year: 2026, Month: 11}
)

func focusParty() billing.FocusParty {
	return billing.FocusParty{
		ProviderID: uuid.MustParse("01900000-0000-7000-8000-000000000009"), Provider: "North", Issuer: "North Computing Ltd", Currency: "EUR", Month: focusMonth, Zone: time.UTC,
		Period: focusMonth.Period(time.UTC), AsOf: billing.AsOf{Made: on(30), Settled: on(30)},
	}
}

func on(day int) time.Time { return time.Date(2026, 11, day, 10, 0, 0, 0, time.UTC) }

// sold is a lot of 1,000 compute hours for 12.35 EUR.
func sold() billing.FocusLot {
	return billing.FocusLot{
		ID: uuid.MustParse("01900000-0000-7000-8000-000000000003"), OrganizationID: focusOrg, Organization: "Astronomy", Order: 7, Offer: "offer-id", PriceID: "price-id", Price: 12_345,
		MadeAt: on(2), ExpiresAt: on(28), Bought: 1000 * billing.ComputeHour, Amount: 1235, Invoice: "NOR-2026-0001", InvoiceLine: 1, CostCentre: "0042", PurchaseOrder: "=1+1",
	}
}

// focusRows has one row of each kind.
func focusRows(t *testing.T, v billing.FocusVersion) map[string]map[string]string {
	t.Helper()
	granted := billing.FocusLot{ID: uuid.MustParse("01900000-0000-7000-8000-000000000004"), OrganizationID: focusOrg, Organization: "Astronomy", Purpose: "Course", MadeAt: on(3), Bought: billing.ComputeHour}
	earlier := billing.Month{Year: 2026, Month: 10}
	var b strings.Builder
	w, err := billing.NewFocusWriter(billing.NewCSV(&b, billing.FocusCharges), v, billing.FocusCharges)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	w.Begin(focusParty())
	names := []string{"sale", "grant", "refund", "late refund", "expiry", "use", "use of a grant", "correction", "late correction", "tax", "goodwill"}
	entry := func(lot billing.FocusLot, kind billing.Kind, account billing.Account, hours billing.Hours, deferred, corrects int64, corrected billing.Month) {
		must(w.Entry(billing.FocusEntry{FocusLot: lot, Seq: 9, Kind: kind, Account: account, At: on(28), Hours: hours, Deferred: deferred, Corrects: corrects, Corrected: corrected, Since: billing.Period{From: on(1), To: on(2)}}))
	}
	use := func(lot billing.FocusLot, cost int64) {
		must(w.Use(billing.FocusUse{
			FocusLot: lot, NodeID: focusNode, Node: "compute-001", ClusterID: focusOrg, Cluster: "trial", Pool: "main", Location: "Kiruna", VCPUs: 2, MemoryMiB: 8192,
			From: on(4), To: on(4).Add(time.Second), Hours: 2000, Cost: cost, CostCentre: "77",
		}))
	}
	entry(sold(), billing.KindGrant, billing.Bought, -1000*billing.ComputeHour, -1235, 0, billing.Month{})
	entry(granted, billing.KindGrant, billing.Bought, -billing.ComputeHour, 0, 0, billing.Month{})
	entry(sold(), billing.KindCreditNote, billing.Refunded, 100*billing.ComputeHour, 123, 0, focusMonth)
	entry(sold(), billing.KindCreditNote, billing.Refunded, 100*billing.ComputeHour, 124, 0, earlier)
	entry(sold(), billing.KindExpire, billing.Expired, 10*billing.ComputeHour, 12, 0, billing.Month{})
	use(sold(), 3)
	use(granted, 0)
	entry(sold(), billing.KindCorrection, billing.Used, -1000, -1, 5, focusMonth)
	entry(sold(), billing.KindCorrection, billing.Used, -1000, -1, 5, earlier)
	must(w.Money(billing.FocusMoney{OrganizationID: focusOrg, Organization: "Astronomy", Kind: billing.KindGrant, Tax: true, At: on(2), Amount: 235, Invoice: "NOR-2026-0001"}))
	must(w.Money(billing.FocusMoney{OrganizationID: focusOrg, Organization: "Astronomy", Kind: billing.KindGoodwill, At: on(2), Amount: -500}))
	must(w.Tie([]billing.UsageTotal{{Hours: 2000, Cost: billing.Cost{Minor: 1, Currency: "EUR"}}}))
	if err := w.Tie([]billing.UsageTotal{{Hours: 2000, Cost: billing.Cost{Minor: 2, Currency: "EUR"}}}); err == nil {
		t.Error("a cost that differs from the ledger's ties")
	}
	must(w.Finish())
	rows := map[string]map[string]string{}
	for i, r := range readFocus(t, b.String()).rows {
		rows[names[i]] = r
	}
	if len(rows) != len(names) {
		t.Fatalf("%d rows of %d", len(rows), len(names))
	}
	return rows
}

// TestFocusRows is the rules of FOCUS for what happens to hours that are bought before they are used, a rule a row: what a column
// says in a row of a kind.
func TestFocusRows(t *testing.T) {
	rows := focusRows(t, billing.Focus14)
	const null = ""
	for _, c := range []struct{ row, column, want string }{
		{"sale", "ChargeCategory", "Purchase"},
		{"sale", "ChargeFrequency", "One-Time"},
		{"sale", "PricingQuantity", "1000"},
		{"sale", "PricingUnit", "Core-Hours"},
		{"sale", "BilledCost", "12.35"},
		{"sale", "EffectiveCost", "0.00"},
		{"sale", "ContractedCost", "12.345"},
		{"sale", "ConsumedQuantity", null},
		{"sale", "ConsumedUnit", null},
		{"sale", "ChargeClass", null},
		{"sale", "CommitmentDiscountStatus", null},
		{"sale", "CommitmentDiscountQuantity", "1000"},
		{"sale", "InvoiceId", "NOR-2026-0001"},
		{"sale", "InvoiceDetailId", "NOR-2026-0001/1"},
		{"sale", "ContractApplied", null},
		{"sale", "ChargePeriodStart", "2026-11-02T10:00:00Z"},
		{"sale", "ChargePeriodEnd", "2026-11-28T10:00:00Z"},
		{"sale", "BillingPeriodStart", "2026-11-01T00:00:00Z"},
		{"sale", "BillingPeriodEnd", "2026-12-01T00:00:00Z"},
		{"sale", "ServiceCategory", "Compute"},
		{"sale", "ServiceSubcategory", "Virtual Machines"},
		{"sale", "InvoiceIssuerName", "North Computing Ltd"},
		{"sale", "HostProviderName", "North"},
		{"sale", "ServiceProviderName", "North"},
		{"sale", "BillingCurrency", "EUR"},
		{"sale", "Tags", `{"purchase_order":"'=1+1","cost_centre":"0042"}`},
		{"grant", "ChargeCategory", "Credit"},
		{"grant", "BilledCost", "0.00"},
		{"grant", "EffectiveCost", "0.00"},
		{"grant", "ListUnitPrice", "0.00"},
		{"grant", "PricingQuantity", "1"},
		{"refund", "ChargeCategory", "Purchase"},
		{"refund", "BilledCost", "-1.23"},
		{"refund", "PricingQuantity", "-100"},
		{"refund", "ChargeClass", null}, // of the same billing period
		{"late refund", "ChargeClass", "Correction"},
		{"late refund", "BilledCost", "-1.24"},
		{"late refund", "EffectiveCost", "0.00"},
		{"expiry", "ChargeCategory", "Usage"},
		{"expiry", "CommitmentDiscountStatus", "Unused"},
		{"expiry", "ConsumedQuantity", null},
		{"expiry", "PricingQuantity", "10"},
		{"expiry", "BilledCost", "0.00"},
		{"expiry", "EffectiveCost", "0.12"},
		{"use", "ChargeCategory", "Usage"},
		{"use", "ChargeFrequency", "Usage-Based"},
		{"use", "CommitmentDiscountStatus", "Used"},
		{"use", "CommitmentDiscountCategory", "Usage"},
		{"use", "PricingCategory", "Committed"},
		{"use", "ResourceId", focusNode.String()},
		{"use", "ResourceType", "Virtual Machine"},
		{"use", "ConsumedQuantity", "0.000555556"},
		{"use", "ConsumedUnit", "Core-Hours"},
		{"use", "BilledCost", "0.00"},
		{"use", "EffectiveCost", "0.03"},
		{"use", "InvoiceId", null},
		{"use", "ContractedCost", "0.00000685833882"},
		{"use", "x_ComputeMilliseconds", "2000"},
		{"use", "Tags", `{"purchase_order":"'=1+1","cost_centre":"77"}`},
		{"use", "SkuPriceId", "price-id"},
		{"use", "RegionName", "Kiruna"},
		{"use", "AvailabilityZone", "main"},
		{"use of a grant", "EffectiveCost", "0.00"},
		{"use of a grant", "SkuPriceId", "granted-compute-hours"},
		{"correction", "ChargeClass", null},
		{"correction", "EffectiveCost", "-0.01"},
		{"correction", "ConsumedQuantity", "-0.000277778"},
		{"late correction", "ChargeClass", "Correction"},
		{"late correction", "ChargePeriodStart", "2026-11-01T10:00:00Z"},
		{"tax", "ChargeCategory", "Tax"},
		{"tax", "PricingQuantity", null},
		{"tax", "PricingUnit", null},
		{"tax", "SkuPriceId", null},
		{"tax", "BilledCost", "2.35"},
		{"tax", "ContractedCost", "2.35"},
		{"tax", "CommitmentDiscountId", null},
		{"tax", "InvoiceId", "NOR-2026-0001"},
		{"goodwill", "ChargeCategory", "Credit"},
		{"goodwill", "BilledCost", "-5.00"},
		{"goodwill", "EffectiveCost", "-5.00"},
	} {
		if got := rows[c.row][c.column]; got != c.want {
			t.Errorf("%s: %s is %q, want %q", c.row, c.column, got, c.want)
		}
	}
	var applied struct{ Elements []map[string]any }
	if err := json.Unmarshal([]byte(rows["use"]["ContractApplied"]), &applied); err != nil || len(applied.Elements) != 1 {
		t.Fatal(rows["use"]["ContractApplied"], err)
	}
	if e := applied.Elements[0]; e["ContractCommitmentId"] != sold().ID.String() || e["ContractCommitmentAppliedQuantity"] != 0.000555556 || e["ContractCommitmentAppliedUnit"] != "Core-Hours" {
		t.Errorf("applied %v", e)
	}
}

// TestFocusColumns is which columns a version has, what may not be null, and how values are written.
func TestFocusColumns(t *testing.T) {
	mandatory := strings.Fields(`BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodStart BillingPeriodEnd ChargeCategory ChargeClass ChargeDescription
		ChargePeriodStart ChargePeriodEnd ContractedCost EffectiveCost InvoiceIssuerName ListCost PricingQuantity PricingUnit ServiceCategory ServiceName`)
	recommended := strings.Fields(`AvailabilityZone ChargeFrequency ServiceSubcategory`)
	conditional := strings.Fields(`ConsumedQuantity ConsumedUnit SkuId SkuMeter SkuPriceDetails SkuPriceId ListUnitPrice ContractedUnitPrice PricingCategory ResourceId ResourceName ResourceType RegionId
		RegionName SubAccountId SubAccountName SubAccountType BillingAccountType InvoiceId Tags CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity
		CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit CapacityReservationId CapacityReservationStatus PricingCurrency PricingCurrencyContractedUnitPrice
		PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice`)
	newer := strings.Fields(`HostProviderName ServiceProviderName ContractApplied AllocatedMethodDetails AllocatedMethodId AllocatedResourceId AllocatedResourceName AllocatedTags InvoiceDetailId CommitmentProgramEligibilityDetails`)
	older := strings.Fields(`ProviderName PublisherName`)
	notNull := slices.Concat(strings.Fields(`BilledCost BillingAccountId BillingCurrency BillingPeriodStart BillingPeriodEnd ChargeCategory ChargePeriodStart ChargePeriodEnd ContractedCost EffectiveCost
		InvoiceIssuerName ListCost ServiceCategory ServiceName ChargeFrequency ServiceSubcategory BillingAccountType PricingCurrency PricingCurrencyEffectiveCost`))
	for v, c := range map[billing.FocusVersion]struct {
		columns, filled []string
		count           int
	}{
		billing.Focus14: {slices.Concat(mandatory, recommended, conditional, newer), append(slices.Clone(notNull), "HostProviderName", "ServiceProviderName"), 65},
		billing.Focus12: {slices.Concat(mandatory, recommended, conditional, older), append(slices.Clone(notNull), older...), 57},
	} {
		var b strings.Builder
		w, err := billing.NewFocusWriter(billing.NewCSV(&b, billing.FocusCharges), v, billing.FocusCharges)
		if err != nil || w.Finish() != nil {
			t.Fatal(err)
		}
		columns := readFocus(t, b.String()).columns
		ours := slices.IndexFunc(columns, func(s string) bool { return strings.HasPrefix(s, "x_") })
		if ours != c.count || slices.ContainsFunc(columns[ours:], func(s string) bool { return !strings.HasPrefix(s, "x_") }) {
			t.Errorf("%s has %d columns before its own, want %d: %v", v, ours, c.count, columns)
		}
		got, want := slices.Sorted(slices.Values(columns[:ours])), slices.Sorted(slices.Values(c.columns))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v\nwant %v", v, got, want)
		}
		for name, row := range focusRows(t, v) {
			for _, column := range c.filled {
				if row[column] == "" {
					t.Errorf("%s, %s: %s is null", v, name, column)
				}
			}
			wantFocusForms(t, string(v)+", "+name, row)
		}
	}
}

var (
	focusDecimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	focusTime    = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$`)
)

// wantFocusForms looks at the forms of numbers, instants and objects, and at what columns say of each other.
func wantFocusForms(t *testing.T, name string, row map[string]string) {
	t.Helper()
	for column, value := range row {
		switch {
		case value == "":
		case regexp.MustCompile(`(Cost|Quantity|UnitPrice)$`).MatchString(column) && !focusDecimal.MatchString(value),
			regexp.MustCompile(`^(Billing|Charge)Period`).MatchString(column) && !focusTime.MatchString(value):
			t.Errorf("%s: %s is %q", name, column, value)
		case strings.HasPrefix(value, "{") && !json.Valid([]byte(value)):
			t.Errorf("%s: %s is no JSON: %s", name, column, value)
		}
	}
	rat := func(column string) *big.Rat {
		r, ok := new(big.Rat).SetString(row[column])
		if !ok {
			t.Fatalf("%s: %s is %q", name, column, row[column])
		}
		return r
	}
	if (row["PricingQuantity"] == "") != (row["PricingUnit"] == "") || (row["PricingQuantity"] == "") != (row["SkuPriceId"] == "") {
		t.Errorf("%s: %q of %q, %q", name, row["PricingQuantity"], row["PricingUnit"], row["SkuPriceId"])
	}
	if row["PricingQuantity"] != "" {
		for cost, price := range map[string]string{"ContractedCost": "ContractedUnitPrice", "ListCost": "ListUnitPrice"} {
			if product := new(big.Rat).Mul(rat(price), rat("PricingQuantity")); product.Cmp(rat(cost)) != 0 {
				t.Errorf("%s: %s is %s, not %s x %s", name, cost, row[cost], row[price], row["PricingQuantity"])
			}
		}
	}
	if row["ChargePeriodStart"] >= row["ChargePeriodEnd"] {
		t.Errorf("%s: from %s to %s", name, row["ChargePeriodStart"], row["ChargePeriodEnd"])
	}
	if row["ChargeCategory"] == "Purchase" && row["ChargeFrequency"] == "Usage-Based" {
		t.Errorf("%s: a purchase by use", name)
	}
	if !slices.Contains([]string{"Usage", "Purchase", "Tax", "Credit", "Adjustment"}, row["ChargeCategory"]) {
		t.Errorf("%s: %q", name, row["ChargeCategory"])
	}
}

// TestFocusCommitments is the Contract Commitment dataset of 1.4: its 30 columns, and a row for a purchase and for a grant.
func TestFocusCommitments(t *testing.T) {
	var b strings.Builder
	w, err := billing.NewFocusWriter(billing.NewCSV(&b, billing.FocusCommitments), billing.Focus14, billing.FocusCommitments)
	if err != nil {
		t.Fatal(err)
	}
	w.Begin(focusParty())
	spent := sold()
	spent.Used = spent.Bought
	granted := billing.FocusLot{ID: focusNode, OrganizationID: focusOrg, MadeAt: on(3), Bought: billing.ComputeHour, Pool: `a "pool"`}
	for _, l := range []billing.FocusLot{sold(), granted, spent} {
		if err := w.Commitment(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	f := readFocus(t, b.String())
	standard := slices.DeleteFunc(slices.Clone(f.columns), func(s string) bool { return strings.HasPrefix(s, "x_") })
	if len(standard) != 30 {
		t.Errorf("%d columns", len(standard))
	}
	for _, c := range []struct {
		row          int
		column, want string
	}{
		{0, "ContractCommitmentCategory", "Usage"},
		{0, "ContractCommitmentQuantity", "1000"},
		{0, "ContractCommitmentUnit", "Core-Hours"},
		{0, "ContractCommitmentCost", "12.35"},
		{0, "ContractCommitmentDurationType", "26 Days"},
		{0, "ContractCommitmentLifecycleStatus", "Expired"},
		{0, "ContractCommitmentPaymentModel", "All Upfront"},
		{0, "ContractCommitmentPaymentInterval", "One-Time"},
		{0, "ContractCommitmentPaymentUpfrontPercentage", "1"},
		{0, "ContractCommitmentOfferCategory", "Public"},
		{0, "ContractCommitmentDiscountPercentage", ""},
		{0, "ContractCommitmentPeriodEnd", "2026-11-28T10:00:00Z"},
		{1, "ContractCommitmentCost", "0.00"},
		{1, "ContractCommitmentPeriodEnd", "9999-12-31T00:00:00Z"},
		{1, "ContractCommitmentLifecycleStatus", "Active"},
		{1, "ContractCommitmentOfferCategory", "Negotiated"},
		{2, "ContractCommitmentLifecycleStatus", "Exhausted"},
	} {
		if got := f.rows[c.row][c.column]; got != c.want {
			t.Errorf("row %d: %s is %q, want %q", c.row, c.column, got, c.want)
		}
	}
	for i, row := range f.rows {
		for _, column := range standard {
			if row[column] == "" && column != "ContractCommitmentDiscountPercentage" {
				t.Errorf("row %d: %s is null", i, column)
			}
		}
		if !json.Valid([]byte(row["ContractCommitmentApplicability"])) {
			t.Errorf("row %d: %s", i, row["ContractCommitmentApplicability"])
		}
	}
}

// TestFocusMetadata is what FOCUS wants beside the data.
func TestFocusMetadata(t *testing.T) {
	for v, datasets := range map[billing.FocusVersion]int{billing.Focus14: 2, billing.Focus12: 1} {
		var b strings.Builder
		if err := billing.WriteFocusMetadata(&b, v, on(5)); err != nil {
			t.Fatal(err)
		}
		var m struct {
			Schemas []struct {
				SchemaID         uuid.UUID `json:"SchemaId"`
				CreationDate     string
				FocusVersion     string
				DataGenerator    string
				ColumnDefinition []struct{ ColumnName, DataType string }
			}
		}
		if err := json.Unmarshal([]byte(b.String()), &m); err != nil || len(m.Schemas) != datasets {
			t.Fatalf("%d schemas, %v", len(m.Schemas), err)
		}
		for _, s := range m.Schemas {
			if s.SchemaID == uuid.Nil || s.CreationDate != "2026-11-05T10:00:00Z" || s.FocusVersion != string(v) || s.DataGenerator != "Volary" || len(s.ColumnDefinition) < 30 {
				t.Errorf("%+v", s)
			}
			for _, c := range s.ColumnDefinition {
				if c.ColumnName == "" || !slices.Contains([]string{"String", "Decimal", "Date/Time", "JSON"}, c.DataType) {
					t.Errorf("%s %+v", v, c)
				}
			}
		}
	}
}

// TestFocusTextsAreNoFormulas: a name that a person chose begins no formula in a FOCUS file, in JSON either, which stays JSON.
func TestFocusTextsAreNoFormulas(t *testing.T) {
	for _, text := range hostile {
		var b strings.Builder
		w, err := billing.NewFocusWriter(billing.NewCSV(&b, billing.FocusCharges), billing.Focus14, billing.FocusCharges)
		if err != nil {
			t.Fatal(err)
		}
		w.Begin(focusParty())
		lot := sold()
		lot.Organization, lot.CostCentre = text, text
		if err := w.Use(billing.FocusUse{FocusLot: lot, Cluster: text, Node: text, Location: text, Pool: text, From: on(1), To: on(2)}); err != nil {
			t.Fatal(err)
		}
		if err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		row := readFocus(t, b.String()).rows[0]
		if !json.Valid([]byte(row["Tags"])) {
			t.Errorf("%q: tags %s", text, row["Tags"])
		}
		for _, comma := range ",;\t|" {
			r := csv.NewReader(strings.NewReader(b.String()))
			r.Comma, r.LazyQuotes, r.FieldsPerRecord = comma, true, -1
			rows, err := r.ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for _, cell := range rows[len(rows)-1] {
				wantNoFormula(t, fmt.Sprintf("%q by %q", text, comma), cell)
			}
		}
	}
}
