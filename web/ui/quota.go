package ui

import "math/big"

// QuotaProps is what an organization may keep and what it does, in bytes.
type QuotaProps struct {
	Allowed                    int64
	Stored, Arriving, Checking int64 // of images, of unfinished uploads as announced, of uploads that are being checked
}

func (p QuotaProps) used() int64 { return p.Stored + p.Arriving + p.Checking }

// low tells whether four fifths are used.
func (p QuotaProps) low() bool { return p.share() >= 800 }

// full tells whether nothing has room any more.
func (p QuotaProps) full() bool { return p.used() >= p.Allowed }

// share is what is used in thousandths; with nothing allowed all is.
func (p QuotaProps) share() int64 {
	if p.Allowed <= 0 || p.used() >= p.Allowed {
		return 1000
	}
	n := big.NewInt(p.used())
	return n.Mul(n, big.NewInt(1000)).Quo(n, big.NewInt(p.Allowed)).Int64()
}

func (p QuotaProps) kinds() string {
	text := "Images " + Bytes(p.Stored)
	if p.Arriving > 0 {
		text += ", unfinished uploads " + Bytes(p.Arriving)
	}
	if p.Checking > 0 {
		text += ", being checked " + Bytes(p.Checking)
	}
	return text + "."
}

const quotaWayOut = "Delete images that nothing uses, finish or discard unfinished uploads, or ask the operator for a larger quota."
