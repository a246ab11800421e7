package billing

import "github.com/google/uuid"

// focusType is the type of a FOCUS column.
type focusType string

// The types of columns.
const (
	focusString  focusType = "String"
	focusDecimal focusType = "Decimal"
	focusTime    focusType = "Date/Time"
	focusJSON    focusType = "JSON"
)

// focusColumn is a column of a dataset, and how a row fills it. A cell without a value is null, which a CSV leaves empty.
type focusColumn[R any] struct {
	name string
	kind focusType
	only FocusVersion // the one version that has it; empty: both
	cell func(p FocusParty, r R) Cell
}

// text, decimal, instantOf and keys make columns of a type.
func text[R any](name string, f func(FocusParty, R) string) focusColumn[R] {
	return focusColumn[R]{name: name, kind: focusString, cell: func(p FocusParty, r R) Cell { return Text(f(p, r)) }}
}

func decimal[R any](name string, f func(FocusParty, R) string) focusColumn[R] {
	return focusColumn[R]{name: name, kind: focusDecimal, cell: func(p FocusParty, r R) Cell { return Number(f(p, r)) }}
}

func keys[R any](name string, f func(FocusParty, R) string) focusColumn[R] {
	return focusColumn[R]{name: name, kind: focusJSON, cell: func(p FocusParty, r R) Cell { return Text(f(p, r)) }}
}

func instantOf[R any](name string, f func(FocusParty, R) Cell) focusColumn[R] {
	return focusColumn[R]{name: name, kind: focusTime, cell: f}
}

// null is a column that we have nothing for: nobody here splits costs, reserves capacity or has accounts below accounts.
func null[R any](name string, kind focusType) focusColumn[R] {
	return focusColumn[R]{name: name, kind: kind, cell: func(FocusParty, R) Cell { return Cell{} }}
}

func (c focusColumn[R]) in(v FocusVersion) focusColumn[R] {
	c.only = v
	return c
}

// of gives those of a version.
func ofVersion[R any](all []focusColumn[R], v FocusVersion) []focusColumn[R] {
	var list []focusColumn[R]
	for _, c := range all {
		if c.only == "" || c.only == v {
			list = append(list, c)
		}
	}
	return list
}

func bookColumns[R any](of []focusColumn[R]) []Column {
	list := make([]Column, len(of))
	for i, c := range of {
		list[i].Name = c.name
		if c.kind == focusTime {
			list[i].Kind = TimeCell
		}
	}
	return list
}

// focusCharges are the columns of the Cost and Usage dataset in the order of their names, and ours behind them.
func focusCharges() []focusColumn[FocusCharge] {
	type c = FocusCharge
	always := func(s string) func(FocusParty, c) string { return func(FocusParty, c) string { return s } }
	if9 := func(f func(FocusParty, c) string) func(FocusParty, c) string { // of charges with a quantity
		return func(p FocusParty, r c) string {
			if !r.Priced {
				return ""
			}
			return f(p, r)
		}
	}
	ofLot := func(f func(FocusParty, c) string) func(FocusParty, c) string {
		return func(p FocusParty, r c) string {
			if r.Lot.ID == uuid.Nil {
				return ""
			}
			return f(p, r)
		}
	}
	ofUse := func(f func(FocusUse) string) func(FocusParty, c) string {
		return func(_ FocusParty, r c) string {
			if r.Use == nil {
				return ""
			}
			return f(*r.Use)
		}
	}
	provider := func(p FocusParty, _ c) string { return p.Provider }
	currency := func(p FocusParty, _ c) string { return string(p.Currency) }
	price := if9(func(p FocusParty, r c) string { return UnitPrice{r.Lot.Price, p.Currency}.Decimal() })
	cost := func(p FocusParty, r c) string {
		if !r.Priced {
			return Money{r.Billed, p.Currency}.Decimal()
		}
		return product(quantity(r.Hours), r.Lot.Price)
	}
	hours := if9(func(_ FocusParty, r c) string { return quantity(r.Hours) })
	unit := if9(always(FocusUnit))
	effective := func(p FocusParty, r c) string { return Money{r.Effective, p.Currency}.Decimal() }
	return []focusColumn[c]{
		null[c]("AllocatedMethodDetails", focusJSON).in(Focus14),
		null[c]("AllocatedMethodId", focusString).in(Focus14),
		null[c]("AllocatedResourceId", focusString).in(Focus14),
		null[c]("AllocatedResourceName", focusString).in(Focus14),
		null[c]("AllocatedTags", focusJSON).in(Focus14),
		text("AvailabilityZone", ofUse(func(u FocusUse) string { return u.Pool })),
		decimal("BilledCost", func(p FocusParty, r c) string { return Money{r.Billed, p.Currency}.Decimal() }),
		text("BillingAccountId", func(_ FocusParty, r c) string { return r.Organization }),
		text("BillingAccountName", func(_ FocusParty, r c) string { return r.Name }),
		text("BillingAccountType", always("Organization")),
		text("BillingCurrency", currency),
		instantOf("BillingPeriodEnd", func(p FocusParty, _ c) Cell { return Instant(p.Period.To) }),
		instantOf("BillingPeriodStart", func(p FocusParty, _ c) Cell { return Instant(p.Period.From) }),
		null[c]("CapacityReservationId", focusString),
		null[c]("CapacityReservationStatus", focusString),
		text("ChargeCategory", func(_ FocusParty, r c) string { return r.Category }),
		text("ChargeClass", func(_ FocusParty, r c) string {
			if r.Correction {
				return "Correction"
			}
			return ""
		}),
		text("ChargeDescription", func(_ FocusParty, r c) string { return r.Description }),
		text("ChargeFrequency", func(_ FocusParty, r c) string { return r.Frequency }),
		instantOf("ChargePeriodEnd", func(_ FocusParty, r c) Cell { return Instant(r.To) }),
		instantOf("ChargePeriodStart", func(_ FocusParty, r c) Cell { return Instant(r.From) }),
		text("CommitmentDiscountCategory", ofLot(always("Usage"))),
		text("CommitmentDiscountId", ofLot(func(_ FocusParty, r c) string { return r.Lot.ID.String() })),
		text("CommitmentDiscountName", ofLot(func(_ FocusParty, r c) string { return r.Lot.name() })),
		decimal("CommitmentDiscountQuantity", ofLot(hours)),
		text("CommitmentDiscountStatus", ofLot(func(_ FocusParty, r c) string {
			switch {
			case r.Category != focusUsage:
				return ""
			case r.Unused:
				return "Unused"
			}
			return "Used"
		})),
		text("CommitmentDiscountType", ofLot(always("Prepaid Compute Hours"))),
		text("CommitmentDiscountUnit", ofLot(unit)),
		null[c]("CommitmentProgramEligibilityDetails", focusJSON).in(Focus14),
		decimal("ConsumedQuantity", func(_ FocusParty, r c) string {
			if r.Category != focusUsage || r.Unused {
				return ""
			}
			return quantity(r.Hours)
		}),
		text("ConsumedUnit", func(_ FocusParty, r c) string {
			if r.Category != focusUsage || r.Unused {
				return ""
			}
			return FocusUnit
		}),
		keys("ContractApplied", func(_ FocusParty, r c) string { return r.applied() }).in(Focus14),
		decimal("ContractedCost", cost),
		decimal("ContractedUnitPrice", price),
		decimal("EffectiveCost", effective),
		text("HostProviderName", provider).in(Focus14),
		text("InvoiceDetailId", func(_ FocusParty, r c) string { return r.Detail }).in(Focus14),
		text("InvoiceId", func(_ FocusParty, r c) string { return r.Invoice }),
		text("InvoiceIssuerName", func(p FocusParty, _ c) string { return p.Issuer }),
		decimal("ListCost", cost),
		decimal("ListUnitPrice", price),
		text("PricingCategory", if9(func(_ FocusParty, r c) string {
			if r.Category == focusUsage {
				return "Committed"
			}
			return "Standard"
		})),
		text("PricingCurrency", currency),
		decimal("PricingCurrencyContractedUnitPrice", price),
		decimal("PricingCurrencyEffectiveCost", effective),
		decimal("PricingCurrencyListUnitPrice", price),
		decimal("PricingQuantity", hours),
		text("PricingUnit", unit),
		text("ProviderName", provider).in(Focus12),
		text("PublisherName", provider).in(Focus12),
		text("RegionId", ofUse(func(u FocusUse) string { return u.Location })),
		text("RegionName", ofUse(func(u FocusUse) string { return u.Location })),
		text("ResourceId", func(_ FocusParty, r c) string { id, _, _ := r.resource(); return id }),
		text("ResourceName", func(_ FocusParty, r c) string { _, name, _ := r.resource(); return name }),
		text("ResourceType", func(_ FocusParty, r c) string { _, _, kind := r.resource(); return kind }),
		text("ServiceCategory", always("Compute")),
		text("ServiceName", always("Virtual clusters")),
		text("ServiceProviderName", provider).in(Focus14),
		text("ServiceSubcategory", always("Virtual Machines")),
		text("SkuId", if9(func(_ FocusParty, r c) string { return r.sku() })),
		text("SkuMeter", if9(always("Compute hours"))),
		keys("SkuPriceDetails", if9(always(`{"CoreCount":1,"MemorySize":4}`))),
		text("SkuPriceId", if9(func(_ FocusParty, r c) string { return r.skuPrice() })),
		null[c]("SubAccountId", focusString),
		null[c]("SubAccountName", focusString),
		null[c]("SubAccountType", focusString),
		keys("Tags", func(_ FocusParty, r c) string { return r.tags() }),

		text("x_ClusterId", ofUse(func(u FocusUse) string { return u.ClusterID.String() })),
		text("x_ClusterName", ofUse(func(u FocusUse) string { return u.Cluster })),
		decimal("x_ComputeMilliseconds", if9(func(_ FocusParty, r c) string { return Whole(r.Hours).Text })),
		decimal("x_LedgerEntry", func(_ FocusParty, r c) string {
			if r.Entry == 0 {
				return ""
			}
			return Whole(r.Entry).Text
		}),
		text("x_Shape", ofUse(func(u FocusUse) string { return u.Shape })),
		instantOf("x_MadeAt", func(p FocusParty, _ c) Cell { return Instant(p.Made) }),
		instantOf("x_SettledUntil", func(p FocusParty, _ c) Cell { return Instant(p.Settled) }),
		text("x_Status", always(Provisional)),
	}
}

// applied says which commitment a use takes hours of.
func (r FocusCharge) applied() string {
	if r.Category != focusUsage || r.Lot.ID == uuid.Nil {
		return ""
	}
	return `{"Elements":[{"ContractId":"` + r.Lot.ID.String() + `","ContractCommitmentId":"` + r.Lot.ID.String() +
		`","ContractCommitmentAppliedQuantity":` + quantity(r.Hours) + `,"ContractCommitmentAppliedUnit":"` + FocusUnit + `"}]}`
}

// resource is what was provisioned: a node, or of a purchase the commitment itself.
func (r FocusCharge) resource() (id, name, kind string) {
	switch {
	case r.Use != nil:
		return r.Use.NodeID.String(), r.Use.Cluster + "-" + r.Use.Node, "Virtual Machine"
	case r.Lot.ID != uuid.Nil && (r.Category != focusUsage || r.Unused):
		return r.Lot.ID.String(), r.Lot.name(), "Prepaid Compute Hours"
	default:
		return "", "", ""
	}
}

func (r FocusCharge) sku() string {
	if r.Lot.Offer == "" {
		return "granted-compute-hours"
	}
	return r.Lot.Offer
}

func (r FocusCharge) skuPrice() string {
	if r.Lot.PriceID == "" {
		return "granted-compute-hours"
	}
	return r.Lot.PriceID
}

// tags are the references that the group wrote on the cluster, and where there is none on the order.
func (r FocusCharge) tags() string {
	order, centre, grant := r.Lot.PurchaseOrder, r.Lot.CostCentre, r.Lot.GrantNumber
	if r.Use != nil {
		order, centre, grant = orElse(r.Use.PurchaseOrder, order), orElse(r.Use.CostCentre, centre), orElse(r.Use.Grant, grant)
	}
	return object("purchase_order", order, "cost_centre", centre, "grant_number", grant)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
