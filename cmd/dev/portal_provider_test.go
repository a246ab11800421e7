package main

import (
	"net/netip"
	"strings"
	"testing"

	"volary.dev/provisioner/lab"
)

// provider is the only one of TestPortal.
const provider = "Loft Computing"

// Its staff: who sets the prices, and who approves the orders.
const (
	providersAdmin      = "Petra Vane"
	providersAccountant = "Abe Sum"
)

// providerComes tells how a provider gets ready for its first sale.
func providerComes(t *testing.T, p *portal) {
	root, petra, abe := p.admin(t, true), p.visitor(t, providersAdmin, true), p.visitor(t, providersAccountant, true)
	petra.signsUp(root, "Loft Staff")
	petra.applies()
	root.approvesProvider()
	petra.visit(root.mailTo(petra.email, provider))
	petra.switchesTo(provider)
	petra.makesPool(p.lab.Prefix())
	petra.addsHost(p.lab.Hosts()[0])
	petra.offersShape()
	petra.sellsHours()
	petra.invitesStaff(abe.email, "Accountant")
	abe.joins(root.mailTo(abe.email, "invites you"))
	abe.at("/provider")
	petra.isReadyToSell()
	p.visitor(t, "Vera Passer", true).comparesMarket()
}

func (v *visitor) applies() {
	v.t.Helper()
	v.visit("/provider-application")
	v.fillAll("name", provider, "legal_name", "Loft Computing GmbH", "tax_id", "DE811111111", "currency", "EUR", "invoice_prefix", "LOFT",
		"accounting_zone", "Europe/Berlin", "support_contact", "help@loft.example", "about", "Two racks below a roof.", "terms", "Payable within 30 days.")
	v.follow("Apply")
	v.says(provider + " waits for the platform")
}

func (v *visitor) approvesProvider() {
	v.t.Helper()
	v.visit("/platform/providers")
	v.follow(provider)
	v.says("Loft Computing GmbH", "DE811111111")
	v.follow("Approve")
	v.says("active")
}

func (v *visitor) makesPool(underlay netip.Prefix) {
	v.t.Helper()
	v.nextStep("New pool")
	v.fillAll("name", "attic", "location", "Bremen, Germany", "prefix", "10.110.0.0/16", "underlay", underlay.String(), "test_vcpus", "3")
	v.follow("Make the pool")
	v.says("attic")
}

// addsHost gives the host's address field by field, and waits for the real check.
func (v *visitor) addsHost(h lab.Host) {
	v.t.Helper()
	v.nextStep("Add a host")
	v.choose("pool", "attic")
	v.choose("scheme", "TCP")
	v.says("Paste this on the machine")
	v.pastes("line")
	v.fillAll("name", "attic-1", "address", h.Address.Name, "underlay", h.Underlay.String())
	v.opens("Another port")
	v.fill("vcpus", "16")
	v.follow("Add the host")
	v.at("/provider/hosts/:id")
	v.says("On its way in")
	v.until("see the check end", `!document.querySelector("section[aria-labelledby=check] .head").innerText.includes("running")`)
	v.says("passed", "active")
	v.shoot("host-checked")
}

// pastes does what root of the host would, with the line of a section.
func (v *visitor) pastes(section string) {
	v.t.Helper()
	words := strings.Fields(v.text("section[aria-labelledby=" + section + "] code"))
	if _, err := v.portal.lab.Run(v.t.Context(), 0, v.portal.program("volary"), "hook", "enrol", words[len(words)-1]); err != nil {
		v.t.Fatal(err)
	}
}

func (v *visitor) offersShape() {
	v.t.Helper()
	v.nextStep("New shape")
	// Four of them run at once on one host, which has what this machine can lend it at the moment.
	v.fillAll("name", "sparrow", "vcpus", "1", "memory", "512", "disk", "10")
	v.follow("Offer the shape")
	v.says("sparrow")
}

func (v *visitor) sellsHours() {
	v.t.Helper()
	v.nextStep("Offers")
	v.follow("New offer")
	v.fillAll("name", "standard", "least_hours", "10", "good_days", "365", "price", "0.045")
	v.follow("Offer the hours")
	v.says("standard", "0.045")
}

func (v *visitor) invitesStaff(email, role string) {
	v.t.Helper()
	v.visit("/provider/invitations")
	v.fill("email", email)
	v.choose("role", role)
	v.follow("Invite by mail")
	v.says(email)
}

// switchesTo works for another place of the visitor's, by the menu with their name.
func (v *visitor) switchesTo(place string) {
	v.t.Helper()
	v.visit("/workplaces")
	v.followLike(place)
}

// nextStep takes a step of the checklist to the first sale.
func (v *visitor) nextStep(label string) {
	v.t.Helper()
	v.visit("/provider")
	v.says("To your first sale")
	v.follow(label)
}

func (v *visitor) isReadyToSell() {
	v.t.Helper()
	v.visit("/provider")
	v.until("see nothing left to do", `document.querySelector("#pools") && !document.querySelector(".step:not(.step-done)")`)
	v.shoot("provider-ready")
}

// comparesMarket is somebody who never signs in.
func (v *visitor) comparesMarket() {
	v.t.Helper()
	v.visit("/")
	v.says(provider, "0.045", "help@loft.example", "attic", "Bremen")
	v.visit("/market/images")
	v.visit("/roles")
	v.visit("/reset")
}
