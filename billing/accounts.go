package billing

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// MoneyAccount is one of the accounts of money in a journal; see the chart in the package's document.
type MoneyAccount string

// The accounts of money.
const (
	Receivable MoneyAccount = "receivable"
	Bank       MoneyAccount = "bank"
	Credit     MoneyAccount = "credit"   // of the customer
	Deferred   MoneyAccount = "deferred" // of one lot
	Revenue    MoneyAccount = "revenue"  // of one lot
	Breakage   MoneyAccount = "breakage" // of one lot
	Tax        MoneyAccount = "tax"
	Goodwill   MoneyAccount = "goodwill"
	Rounding   MoneyAccount = "rounding"
)

// ofLot tells whether the account is kept lot by lot.
func (a MoneyAccount) ofLot() bool { return a == Deferred || a == Revenue || a == Breakage }

// MoneyPosting is an amount on one account: a debit above zero, a credit below.
type MoneyPosting struct {
	Account MoneyAccount
	LotID   uuid.UUID // of deferred, revenue and breakage; Nil elsewhere
	Money
}

// MoneyMove is a pair of accounts: what one is debited the other is credited.
type MoneyMove struct{ Debit, Credit MoneyAccount }

// MoneyMoves says which pairs each kind of entry moves money between. The database has the same table.
func MoneyMoves() map[Kind][]MoneyMove {
	return map[Kind][]MoneyMove{
		KindGrant:      {{Receivable, Deferred}, {Receivable, Tax}},
		KindUse:        {{Deferred, Revenue}},
		KindExpire:     {{Deferred, Breakage}},
		KindOpening:    {{Receivable, Deferred}, {Receivable, Revenue}, {Receivable, Breakage}},
		KindPayment:    {{Bank, Receivable}, {Bank, Credit}, {Credit, Receivable}},
		KindRefund:     {{Credit, Bank}},
		KindCreditNote: {{Deferred, Receivable}, {Deferred, Credit}, {Tax, Receivable}, {Tax, Credit}},
		KindWriteOff:   {{Goodwill, Receivable}, {Tax, Receivable}, {Rounding, Receivable}},
		KindGoodwill:   {{Goodwill, Credit}},
	}
}

// moneyMoves are those of a kind. A correction turns round what another kind does; which one, its entry says, and the database
// looks there.
func (k Kind) moneyMoves() []MoneyMove {
	if k != KindCorrection {
		return MoneyMoves()[k]
	}
	var turned []MoneyMove
	for kind, moves := range MoneyMoves() {
		if kind == KindGrant || kind == KindOpening { // a sale is taken back by a credit note
			continue
		}
		for _, m := range moves {
			turned = append(turned, MoneyMove{m.Credit, m.Debit})
		}
	}
	return turned
}

// Move appends the two postings that move an amount from the credited account to the debited one; an amount of zero has none. A
// lot's accounts get the lot.
func (d *Draft) Move(debit, credit MoneyAccount, lotID uuid.UUID, m Money) {
	if m.Minor == 0 {
		return
	}
	for _, p := range []MoneyPosting{{debit, lotID, m}, {credit, lotID, Money{-m.Minor, m.Currency}}} {
		if !p.Account.ofLot() {
			p.LotID = uuid.Nil
		}
		d.Money = append(d.Money, p)
	}
}

// checkMoney tells whether the postings of money may be booked: pairs of the kind that sum to zero in each currency.
func (d Draft) checkMoney() error {
	sums := map[Currency]int64{}
	moves := d.Kind.moneyMoves()
	for _, p := range d.Money {
		paired := slices.ContainsFunc(d.Money, func(o MoneyPosting) bool {
			debit, credit := p.Account, o.Account
			if p.Minor < 0 {
				debit, credit = credit, debit
			}
			return o.Currency == p.Currency && (o.Minor > 0) != (p.Minor > 0) && slices.Contains(moves, MoneyMove{debit, credit}) &&
				(o.LotID == p.LotID || o.LotID == uuid.Nil || p.LotID == uuid.Nil)
		})
		if p.Minor == 0 || !paired || p.Account.ofLot() != (p.LotID != uuid.Nil) {
			return fmt.Errorf("%w: %s of %s in a %s", ErrUnbalanced, p.Account, p.Money, d.Kind)
		}
		sums[p.Currency] += p.Minor
	}
	for currency, sum := range sums {
		if sum != 0 {
			return fmt.Errorf("%w: %s is left with %d", ErrUnbalanced, currency, sum)
		}
	}
	return nil
}

// MoneyAccounts are all accounts of money, in the order of the chart.
func MoneyAccounts() []MoneyAccount {
	return []MoneyAccount{Receivable, Bank, Credit, Deferred, Revenue, Breakage, Tax, Goodwill, Rounding}
}
