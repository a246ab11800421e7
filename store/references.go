package store

// References are what the group calls a cluster in its own books, each at most 80 characters; all may be empty.
type References struct {
	PurchaseOrder string
	CostCentre    string
	GrantNumber   string
}

// Check adds a sentence for each reference that is too long.
func (r References) Check(f Fields) {
	f.Length("purchase_order", r.PurchaseOrder, 0, 80)
	f.Length("cost_centre", r.CostCentre, 0, 80)
	f.Length("grant_number", r.GrantNumber, 0, 80)
}
