package books

import (
	"time"

	"github.com/google/uuid"

	"volary.dev/billing"
)

// RunRow is one run as its organization sees it: one node from its gate to its last proof of life.
type RunRow struct {
	ClusterID uuid.UUID
	NodeName  string
	Rate      billing.Rate
	StartedAt time.Time
	EndedAt   time.Time // the last proof of life so far
	Open      bool
	Used      billing.Hours
	Proofs    *int           // observation rounds that proved it; nil: it began before they were counted
	Gap       *time.Duration // the longest between two of them, its gate being the first
	Cost      *int64         // of what is booked, in the currency's minor unit; nil: no lot with a price paid
	Currency  billing.Currency
}
