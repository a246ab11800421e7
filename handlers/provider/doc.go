// Package provider answers everything under /provider: what a provider's staff see of their pools, hosts and the use
// of them, and what they decide about. Staff see no name of a guest's content and no address, and a console only with
// the organization's consent, each look being written to the organization's log.
package provider
