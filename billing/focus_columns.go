package billing

import (
	"slices"

	"github.com/google/uuid"
)

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

// focusCharges are the columns of the Cost and Usage dataset.
func focusCharges() []focusColumn[FocusCharge] {
	return slices.Concat(focusBills(), focusCosts(), focusHours(), focusThings(), focusOurs())
}

// focusBills are who bills whom, for what and when.
func focusBills() []focusColumn[FocusCharge] {
	return []focusColumn[FocusCharge]{
		text("BillingAccountId", func(_ FocusParty, r FocusCharge) string { return r.Organization }),
		text("BillingAccountName", func(_ FocusParty, r FocusCharge) string { return r.Name }),
		text("BillingAccountType", same[FocusCharge]("Organization")),
		text("BillingCurrency", currencyCode[FocusCharge]),
		instantOf("BillingPeriodEnd", func(p FocusParty, _ FocusCharge) Cell { return Instant(p.Period.To) }),
		instantOf("BillingPeriodStart", func(p FocusParty, _ FocusCharge) Cell { return Instant(p.Period.From) }),
		text("ChargeCategory", func(_ FocusParty, r FocusCharge) string { return r.Category }),
		text("ChargeClass", func(_ FocusParty, r FocusCharge) string {
			if r.Correction {
				return "Correction"
			}
			return ""
		}),
		text("ChargeDescription", func(_ FocusParty, r FocusCharge) string { return r.Description }),
		text("ChargeFrequency", func(_ FocusParty, r FocusCharge) string { return r.Frequency }),
		instantOf("ChargePeriodEnd", func(_ FocusParty, r FocusCharge) Cell { return Instant(r.To) }),
		instantOf("ChargePeriodStart", func(_ FocusParty, r FocusCharge) Cell { return Instant(r.From) }),
		text("HostProviderName", providerName).in(Focus14),
		text("InvoiceDetailId", func(_ FocusParty, r FocusCharge) string { return r.Detail }).in(Focus14),
		text("InvoiceId", func(_ FocusParty, r FocusCharge) string { return r.Invoice }),
		text("InvoiceIssuerName", func(p FocusParty, _ FocusCharge) string { return p.Issuer }),
		text("ProviderName", providerName).in(Focus12),
		text("PublisherName", providerName).in(Focus12),
		text("ServiceProviderName", providerName).in(Focus14),
	}
}

// focusCosts are amounts, prices and what they are of.
func focusCosts() []focusColumn[FocusCharge] {
	return []focusColumn[FocusCharge]{
		decimal("BilledCost", func(p FocusParty, r FocusCharge) string { return Money{r.Billed, p.Currency}.Decimal() }),
		decimal("ContractedCost", listCost),
		decimal("ContractedUnitPrice", unitPrice),
		decimal("EffectiveCost", effectiveCost),
		decimal("ListCost", listCost),
		decimal("ListUnitPrice", unitPrice),
		text("PricingCategory", ofHours(func(_ FocusParty, r FocusCharge) string {
			if r.Category == focusUsage {
				return "Committed"
			}
			return "Standard"
		})),
		text("PricingCurrency", currencyCode[FocusCharge]),
		decimal("PricingCurrencyContractedUnitPrice", unitPrice),
		decimal("PricingCurrencyEffectiveCost", effectiveCost),
		decimal("PricingCurrencyListUnitPrice", unitPrice),
		decimal("PricingQuantity", hoursOf),
		text("PricingUnit", unitOf),
		text("SkuId", ofHours(func(_ FocusParty, r FocusCharge) string { return r.sku() })),
		text("SkuMeter", ofHours(same[FocusCharge]("Compute hours"))),
		keys("SkuPriceDetails", ofHours(same[FocusCharge](`{"CoreCount":1,"MemorySize":4}`))),
		text("SkuPriceId", ofHours(func(_ FocusParty, r FocusCharge) string { return r.skuPrice() })),
	}
}

// focusHours are how a charge uses a commitment, and columns of what nobody here does: splitting costs, reserving capacity.
func focusHours() []focusColumn[FocusCharge] {
	return []focusColumn[FocusCharge]{
		null[FocusCharge]("AllocatedMethodDetails", focusJSON).in(Focus14),
		null[FocusCharge]("AllocatedMethodId", focusString).in(Focus14),
		null[FocusCharge]("AllocatedResourceId", focusString).in(Focus14),
		null[FocusCharge]("AllocatedResourceName", focusString).in(Focus14),
		null[FocusCharge]("AllocatedTags", focusJSON).in(Focus14),
		null[FocusCharge]("CapacityReservationId", focusString),
		null[FocusCharge]("CapacityReservationStatus", focusString),
		text("CommitmentDiscountCategory", ofLot(same[FocusCharge]("Usage"))),
		text("CommitmentDiscountId", ofLot(func(_ FocusParty, r FocusCharge) string { return r.Lot.ID.String() })),
		text("CommitmentDiscountName", ofLot(func(_ FocusParty, r FocusCharge) string { return r.Lot.name() })),
		decimal("CommitmentDiscountQuantity", ofLot(hoursOf)),
		text("CommitmentDiscountStatus", ofLot(func(_ FocusParty, r FocusCharge) string {
			switch {
			case r.Category != focusUsage:
				return ""
			case r.Unused:
				return "Unused"
			}
			return "Used"
		})),
		text("CommitmentDiscountType", ofLot(same[FocusCharge]("Prepaid Compute Hours"))),
		text("CommitmentDiscountUnit", ofLot(unitOf)),
		null[FocusCharge]("CommitmentProgramEligibilityDetails", focusJSON).in(Focus14),
		decimal("ConsumedQuantity", func(_ FocusParty, r FocusCharge) string {
			if r.Category != focusUsage || r.Unused {
				return ""
			}
			return quantity(r.Hours)
		}),
		text("ConsumedUnit", func(_ FocusParty, r FocusCharge) string {
			if r.Category != focusUsage || r.Unused {
				return ""
			}
			return FocusUnit
		}),
		keys("ContractApplied", func(_ FocusParty, r FocusCharge) string { return r.applied() }).in(Focus14),
	}
}

// focusThings are what was provisioned, where and for whom.
func focusThings() []focusColumn[FocusCharge] {
	return []focusColumn[FocusCharge]{
		text("AvailabilityZone", ofUse(func(u FocusUse) string { return u.Pool })),
		text("RegionId", ofUse(func(u FocusUse) string { return u.Location })),
		text("RegionName", ofUse(func(u FocusUse) string { return u.Location })),
		text("ResourceId", func(_ FocusParty, r FocusCharge) string { id, _, _ := r.resource(); return id }),
		text("ResourceName", func(_ FocusParty, r FocusCharge) string { _, name, _ := r.resource(); return name }),
		text("ResourceType", func(_ FocusParty, r FocusCharge) string { _, _, kind := r.resource(); return kind }),
		text("ServiceCategory", same[FocusCharge]("Compute")),
		text("ServiceName", same[FocusCharge]("Virtual clusters")),
		text("ServiceSubcategory", same[FocusCharge]("Virtual Machines")),
		null[FocusCharge]("SubAccountId", focusString),
		null[FocusCharge]("SubAccountName", focusString),
		null[FocusCharge]("SubAccountType", focusString),
		keys("Tags", func(_ FocusParty, r FocusCharge) string { return r.tags() }),
	}
}

// focusOurs are columns of our own, which are last.
func focusOurs() []focusColumn[FocusCharge] {
	return []focusColumn[FocusCharge]{
		text("x_ClusterId", ofUse(func(u FocusUse) string { return u.ClusterID.String() })),
		text("x_ClusterName", ofUse(func(u FocusUse) string { return u.Cluster })),
		decimal("x_ComputeMilliseconds", ofHours(func(_ FocusParty, r FocusCharge) string { return Whole(r.Hours).Text })),
		decimal("x_LedgerEntry", func(_ FocusParty, r FocusCharge) string {
			if r.Entry == 0 {
				return ""
			}
			return Whole(r.Entry).Text
		}),
		text("x_Shape", ofUse(func(u FocusUse) string { return u.Shape })),
		instantOf("x_MadeAt", func(p FocusParty, _ FocusCharge) Cell { return Instant(p.Made) }),
		instantOf("x_SettledUntil", func(p FocusParty, _ FocusCharge) Cell { return Instant(p.Settled) }),
		text("x_Status", same[FocusCharge](Provisional)),
	}
}

// same is a column that has one value in every row.
func same[R any](s string) func(FocusParty, R) string { return func(FocusParty, R) string { return s } }

// ofHours leaves a column null in charges without a quantity, ofLot in those of no lot, and ofUse in those of no node.
func ofHours(f func(FocusParty, FocusCharge) string) func(FocusParty, FocusCharge) string {
	return func(p FocusParty, r FocusCharge) string {
		if !r.Priced {
			return ""
		}
		return f(p, r)
	}
}

func ofLot(f func(FocusParty, FocusCharge) string) func(FocusParty, FocusCharge) string {
	return func(p FocusParty, r FocusCharge) string {
		if r.Lot.ID == uuid.Nil {
			return ""
		}
		return f(p, r)
	}
}

func ofUse(f func(FocusUse) string) func(FocusParty, FocusCharge) string {
	return func(_ FocusParty, r FocusCharge) string {
		if r.Use == nil {
			return ""
		}
		return f(*r.Use)
	}
}

func providerName(p FocusParty, _ FocusCharge) string { return p.Provider }

func currencyCode[R any](p FocusParty, _ R) string { return string(p.Currency) }

// listCost is the price of the quantity, to the last digit; of what has none, the amount itself. Nobody here has prices that others have not.
func listCost(p FocusParty, r FocusCharge) string {
	if !r.Priced {
		return Money{r.Billed, p.Currency}.Decimal()
	}
	return product(quantity(r.Hours), r.Lot.Price)
}

func unitPrice(p FocusParty, r FocusCharge) string {
	if !r.Priced {
		return ""
	}
	return UnitPrice{r.Lot.Price, p.Currency}.Decimal()
}

func effectiveCost(p FocusParty, r FocusCharge) string {
	return Money{r.Effective, p.Currency}.Decimal()
}

func hoursOf(_ FocusParty, r FocusCharge) string {
	if !r.Priced {
		return ""
	}
	return quantity(r.Hours)
}

func unitOf(_ FocusParty, r FocusCharge) string {
	if !r.Priced {
		return ""
	}
	return FocusUnit
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
