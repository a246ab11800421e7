package ui

import "time"

// CapPeriod says what a cap counts: wherever one is shown or typed.
const CapPeriod = "A cap is not of a month: it counts all that a member’s launches used or hold set aside since it was set, and does not begin anew by itself. Setting it again begins anew."

// CapSince says since when one member's cap counts, behind the word cap: "since 3 November 2026".
func CapSince(since time.Time, zone *time.Location) string {
	if since.IsZero() {
		return "since it was set"
	}
	return "since " + in(since, zone).Format("2 January 2006")
}
