// Package provider answers everything under /provider: what a provider's staff see of their pools, hosts and the use
// of them, and the accountant's export. Staff see no name of a guest's content, no console and no address.
package provider
