package machines

import (
	"fmt"

	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/models"
)

// uncertified refuses a version without a certificate that the pool's provider takes.
func (c launchCase) uncertified() *refusal.Error {
	whose, where := "one that a provider or the platform signed", "on a pool of any provider"
	switch c.Pool.Certificates {
	case models.TakesOwn:
		whose, where = "one that its own key signed", "on one of its pools"
	case models.TakesPlatform:
		whose = "one that the platform signed"
	case models.TakesNone, models.TakesAny:
	}
	return &refusal.Error{
		Code: "certificate",
		Title: fmt.Sprintf("%s wants to see a certificate of %s %s before it launches it, %s, and there is none that is valid.",
			typed.Isolate(c.Pool.ProviderName), typed.Isolate(c.Version.ModelClusterName), c.Version.Version, whose),
		Next: fmt.Sprintf("Test the version %s: its page has the button, a test is free, and the certificate comes when it passes.", where),
	}
}
