package main

import (
	"strings"
	"testing"
)

// cast are the people of one group's story.
type cast struct {
	group, investigator, member string
	scripts                     bool
	window                      int64 // px wide
}

func tides() cast {
	return cast{group: "Tidal Modelling", investigator: "Ida Quill", member: "Max Ebb", scripts: true, window: phone}
}

func genomes() cast {
	return cast{group: "Genome Lab", investigator: "Gil Strand", member: "Una Codon", window: tablet}
}

// groupComes tells of a group from its sign-up to the end of its clusters.
func groupComes(t *testing.T, p *portal, c cast) {
	root := p.admin(t, c.scripts)
	ida, max := p.visitor(t, c.investigator, c.scripts).on(c.window), p.visitor(t, c.member, c.scripts).on(c.window)
	ida.signsUp(root, c.group)
	ida.at("/org")
	ida.says("Your first cluster")
	if c.scripts {
		ida.invitesByMail(max.email)
		max.joins(root.mailTo(max.email, "invites you"))
	} else {
		max.joinsByLink(root, ida.invitesByLink())
	}
	max.at("/org")

	ida.uploads(p.sample)
	ida.describes("flock")
	ida.tests()
	order := ida.orders("20")
	p.accountant(t, c.scripts).approves(order, c.group)
	ida.readsWallet("20.00")

	ida.launches("nest", "1")
	ida.caps(c.member, "1")
	max.asksFor("brood", "1")
	ida.approvesLaunch("brood", c.member)
	max.finds("brood")
	max.deletes("brood")
	ida.deletes("nest")
	ida.readsBooks("nest", "brood")
}

func (v *visitor) invitesByMail(email string) {
	v.t.Helper()
	v.visit("/org/invitations")
	v.fill("email", email)
	v.follow("Invite by mail")
	v.says(email)
}

func (v *visitor) invitesByLink() (link string) {
	v.t.Helper()
	v.visit("/org/invitations")
	v.follow("Make a link")
	return v.linkOnPage()
}

// describes makes a model cluster of the uploaded image and publishes its first version.
func (v *visitor) describes(model string) {
	v.t.Helper()
	v.describesGate(model, func() {
		v.choose("head_gate_kind", "a text appears on its console")
		v.fill("head_gate_text", "volary: ready")
	})
}

// describesGate is describes with another gate than that of the sample image.
func (v *visitor) describesGate(model string, gate func()) {
	v.t.Helper()
	v.visit("/org/models/new")
	v.fill("name", model)
	v.follow("Create and describe it")
	v.fill("version", "1")
	v.choose("head_image", "sample") // the compute nodes' too: their boxes are ticked
	v.fillAll("head_vcpus", "1", "head_memory_mib", "256", "head_disk_gib", "1")
	v.fillAll("group_0_least", "1", "group_0_most", "4")
	gate()
	v.fill("head_gate_timeout", "240")
	v.follow("Save draft")
	v.follow("Publish 1")
	v.says("Frozen since")
}

func (v *visitor) tests() {
	v.t.Helper()
	v.follow("Run a free test")
	v.at("/org/tests/:id")
	v.state("passed")
	v.shoot("test-passed")
}

// orders buys hours, once the amount was shown, and returns the order's address.
func (v *visitor) orders(hours string) string {
	v.t.Helper()
	v.visit("/org/orders/new")
	v.choose("offer", "standard")
	v.fill("hours", hours)
	v.follow("Show the amount")
	v.says("0.90")
	v.fillAll("purchase_order", "PO-2026-7", "cost_centre", "4711", "grant_number", "DFG 12/3")
	v.follow("Printable quote")
	v.says("In words")
	v.follow("Order this")
	v.fillAll("purchase_order", "PO-2026-7", "cost_centre", "4711", "grant_number", "DFG 12/3")
	v.followLike("Order " + hours)
	v.at("/org/orders/:id")
	v.says("Waiting for "+provider, "PO-2026-7")
	return v.path()
}

// accountant is the provider's, signed in.
func (p *portal) accountant(t *testing.T, scripts bool) *visitor {
	t.Helper()
	v := p.visitor(t, providersAccountant, scripts)
	v.signsIn()
	v.at("/provider")
	return v
}

func (v *visitor) approves(order, group string) {
	v.t.Helper()
	v.visit("/provider/orders")
	v.says(group)
	v.visit(strings.Replace(order, "/org/", "/provider/", 1))
	v.followLike("Approve order")
	v.says("Approved, and the hours are in the wallet.")
	v.followLike("Invoice LOFT-")
	v.says("PO-2026-7", group)
}

func (v *visitor) readsWallet(bought string) {
	v.t.Helper()
	v.goes("Wallet")
	v.at("/org/wallet")
	v.says(provider, bought)
	v.goes("Orders")
	v.at("/org/orders")
	v.says("approved")
	v.goes("Invoices")
	v.at("/org/invoices")
	v.says("LOFT-")
}

// fillsLaunch fills the form of a launch of one head and one compute node, and reads what it would take.
func (v *visitor) fillsLaunch(name, lease string) {
	v.t.Helper()
	v.visit("/org/clusters/new")
	v.fill("name", name)
	v.choose("version", "flock 1")
	v.choose("pool", "attic")
	v.fillAll("compute_count", "1", "lease_hours", lease)
	if v.quiet {
		v.follow("Check")
	}
	v.says("Set aside for the lease")
}

func (v *visitor) launches(name, lease string) {
	v.t.Helper()
	v.fillsLaunch(name, lease)
	v.says("It fits")
	v.follow("Launch")
	v.at("/org/clusters/:id")
	v.ready()
}

func (v *visitor) ready() {
	v.t.Helper()
	v.see("ssh -p")
	v.shoot("cluster-ready")
}

func (v *visitor) caps(member, hours string) {
	v.t.Helper()
	v.visit("/org/members")
	v.fillIn(member, "cap", hours)
	v.followIn(member, "Set")
	v.says("The cap is 1.00 compute hours")
}

// asksFor launches above the cap, which asks the managers.
func (v *visitor) asksFor(name, lease string) {
	v.t.Helper()
	v.fillsLaunch(name, lease)
	v.says("This is above your cap")
	v.follow("Ask for this launch")
	v.at("/org/requests/:id")
	v.says("waiting")
}

// approvesLaunch is one click on the list of requests.
func (v *visitor) approvesLaunch(name, member string) {
	v.t.Helper()
	v.visit("/org/requests")
	v.says(member)
	v.followIn(name, "Approve")
	v.says("approved")
}

// finds opens the cluster that a request became.
func (v *visitor) finds(name string) {
	v.t.Helper()
	v.see("Open " + name)
	v.follow("Open " + name)
	v.at("/org/clusters/:id")
	v.ready()
}

func (v *visitor) deletes(name string) {
	v.t.Helper()
	v.goes("Clusters")
	v.at("/org/clusters")
	v.follow(name)
	v.follow("Delete")
	v.follow("Delete " + name + " and its disks")
	v.state("gone")
}

// readsBooks looks where the group's use is written down.
func (v *visitor) readsBooks(clusters ...string) {
	v.t.Helper()
	v.goes("Usage")
	v.at("/org/usage")
	v.says(clusters...)
	v.goes("Log")
	v.at("/org/log")
	v.visit("/org")
	v.visit("/account")
	v.visit("/account/sessions")
}
