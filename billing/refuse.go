package billing

import (
	"errors"

	"volary.dev/provisioner/refusal"
)

// Refuse makes billing's no the refusal that a page shows. Quote shows the same.
func Refuse(err error) error {
	var short *Shortage
	switch {
	case errors.As(err, &short) && short.Elsewhere > 0:
		return &refusal.Error{
			Code: "balance", Title: short.Error(),
			Next: "Choose a pool those are good on, shorten the lease, take fewer nodes, or ask the provider for hours.",
		}
	case errors.As(err, &short):
		return &refusal.Error{
			Code: "balance", Title: short.Error(),
			Next: "Shorten the lease, take fewer nodes, or ask the provider for hours.",
		}
	case errors.Is(err, ErrHours), errors.Is(err, ErrOverflow):
		return &refusal.Error{
			Code: "balance", Title: "A lease cannot use that many compute hours: " + err.Error() + ".",
			Next: "Shorten the lease or take fewer nodes.",
		}
	default:
		return err
	}
}
