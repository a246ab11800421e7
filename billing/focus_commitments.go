package billing

import (
	"strconv"
	"time"
)

// focusCommitments are the columns of the Contract Commitment dataset of 1.4: every lot is a contract with one commitment.
func focusCommitments() []focusColumn[FocusLot] {
	type l = FocusLot
	amount := func(p FocusParty, r l) string { return Money{r.Amount, p.Currency}.Decimal() }
	id := func(_ FocusParty, r l) string { return r.ID.String() }
	from := func(_ FocusParty, r l) Cell { return Instant(second(r.MadeAt)) }
	to := func(p FocusParty, r l) Cell { return Instant(p.end(r.ExpiresAt)) }
	return []focusColumn[l]{
		text("BillingCurrency", currencyCode[l]),
		keys("ContractCommitmentApplicability", func(p FocusParty, r l) string { return r.applicability(p) }),
		text("ContractCommitmentBenefitCategory", same[l]("Monetary Pool")),
		text("ContractCommitmentCategory", same[l]("Usage")),
		decimal("ContractCommitmentCost", amount),
		instantOf("ContractCommitmentCreated", from),
		text("ContractCommitmentDescription", func(_ FocusParty, r l) string { return "Compute hours, " + r.name() }),
		null[l]("ContractCommitmentDiscountPercentage", focusDecimal),
		text("ContractCommitmentDurationType", func(_ FocusParty, r l) string { return r.duration() }),
		text("ContractCommitmentFulfillmentInterval", same[l]("Full Commitment Period")),
		text("ContractCommitmentId", id),
		instantOf("ContractCommitmentLastUpdated", func(p FocusParty, _ l) Cell { return Instant(p.Made) }),
		text("ContractCommitmentLifecycleStatus", func(p FocusParty, r l) string { return r.status(p.Made) }),
		text("ContractCommitmentModel", same[l]("Discontinuous")),
		text("ContractCommitmentOfferCategory", func(_ FocusParty, r l) string {
			if r.Order == 0 {
				return "Negotiated"
			}
			return "Public"
		}),
		text("ContractCommitmentPaymentInterval", same[l]("One-Time")),
		text("ContractCommitmentPaymentModel", same[l]("All Upfront")),
		decimal("ContractCommitmentPaymentUpfrontPercentage", same[l]("1")),
		instantOf("ContractCommitmentPeriodEnd", to),
		instantOf("ContractCommitmentPeriodStart", from),
		decimal("ContractCommitmentQuantity", func(_ FocusParty, r l) string { return quantity(r.Bought) }),
		text("ContractCommitmentType", same[l]("Prepaid Compute Hours")),
		text("ContractCommitmentUnit", same[l](FocusUnit)),
		text("ContractId", id),
		instantOf("ContractPeriodEnd", to),
		instantOf("ContractPeriodStart", from),
		text("InvoiceIssuerName", func(p FocusParty, _ l) string { return p.Issuer }),
		text("PricingCurrency", currencyCode[l]),
		decimal("PricingCurrencyContractCommitmentCost", amount),
		text("ServiceProviderName", func(p FocusParty, _ l) string { return p.Provider }),

		text("x_BillingAccountId", func(_ FocusParty, r l) string { return r.OrganizationID.String() }),
		text("x_BillingAccountName", func(_ FocusParty, r l) string { return r.Organization }),
		decimal("x_ComputeMilliseconds", func(_ FocusParty, r l) string { return Whole(r.Bought).Text }),
		decimal("x_ComputeMillisecondsLeft", func(_ FocusParty, r l) string { return Whole(r.Bought - r.Used - r.Gone).Text }),
	}
}

// applicability says what the hours are good for: every pool of the provider, or one.
func (l FocusLot) applicability(p FocusParty) string {
	rule := func(column, value string) string {
		quoted, err := encoded(value)
		if err != nil {
			return ""
		}
		return `{"Dimension":"` + column + `","Operator":"In","Values":[` + quoted + `]}`
	}
	rules := rule("BillingAccountId", l.OrganizationID.String()) + "," + rule("ServiceProviderName", p.Provider)
	if l.Pool != "" {
		rules += "," + rule("AvailabilityZone", l.Pool)
	}
	return `{"InclusionOperator":"And","Inclusions":[` + rules + `]}`
}

// duration is for how many days the hours are good.
func (l FocusLot) duration() string {
	if l.ExpiresAt.IsZero() {
		return "Unlimited"
	}
	days := max(int64(l.ExpiresAt.Sub(l.MadeAt).Round(24*time.Hour).Hours()/24), 1)
	if days == 1 {
		return "1 Day"
	}
	return strconv.FormatInt(days, 10) + " Days"
}

func (l FocusLot) status(now time.Time) string {
	switch {
	case l.Bought == l.Used+l.Gone && l.Used > 0:
		return "Exhausted"
	case !l.ExpiresAt.IsZero() && !now.Before(l.ExpiresAt):
		return "Expired"
	case l.Bought == l.Used+l.Gone:
		return "Canceled"
	default:
		return "Active"
	}
}
