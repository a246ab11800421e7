package sales

import (
	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/provisioner/typed"
	"volary.dev/web/ui"
)

// Hours reads compute hours of a form.
func Hours(f *request.Form, field string) billing.Hours {
	hours, err := billing.ParseHours(f.Typed(field))
	if err != nil {
		f.WrongNumber(field, "This is "+err.Error()+".")
	}
	return hours
}

// Price reads the price of a compute hour in the currency's major unit.
func Price(f *request.Form, field string, currency billing.Currency) billing.UnitPrice {
	price, err := billing.ParseUnitPrice(f.Typed(field), currency)
	if err != nil {
		f.WrongNumber(field, "This is "+err.Error()+".")
	}
	return price
}

// HoursText is what a form for compute hours is filled with, for Hours to read again: rounded up to its five decimals.
func HoursText(hours billing.Hours) string {
	const step = billing.ComputeHour / 100_000
	return typed.Text(int64((hours+step-1)/step), 5)
}

// HoursUnderstood says which amount was read, as a notice repeats it: "1 000.00 compute hours".
func HoursUnderstood(hours billing.Hours) string {
	return ui.HoursTyped(int64(hours)) + " compute hours"
}
