// Package domainxml describes nodes, networks, storage pools and volumes in libvirt's XML. It is pure: what it is given
// decides every byte, and goldens show what a host gets. Names of everything of ours on a host are made here.
//
// On a host stand
//
//	pool volary             base-DIGEST, DIGEST.ok, node-ID (overlay), seed-ID
//	folder consoles         ID.log, ID.log.0 and on: what nodes wrote to their console, kept and capped by virtlogd; no pool
//	file volary-ID.fd       a node's UEFI variables, which it writes: in libvirt's own folder for them; no pool
//	pool volary-networks    reports and answers of the network hook, in memory
//	network volary-VNI      one cluster's network
//	domain volary-ID-NONCE  one node; the nonce is new at each start. It has a port for the guest's agent (AgentPort)
package domainxml
