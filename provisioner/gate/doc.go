// Package gate judges whether nodes are ready: whether each met the gate of its group, in the start of its machine that runs now. A launch,
// an acceptance test's cluster and a trial at home ask it, and nobody else judges.
//
//	address   what the host's DHCP gave                     all nodes of the host in one question
//	console   what the host kept of the console             all nodes in one question
//	agent     the guest's own agent, which runs true(1)     node by node, few at once, as long as askFor lasts
//	port      the host's hook, or a trial's switch          likewise
//
// # Decided
//
// 2026-11-30: agents and ports are asked node by node, and a guest may let each question wait. So one look has askFor for all of them
// together, and begins where the one before ended (Watch.Turn): guests that never answer make the others later and never a host silent. An
// agent that says no to a command answers, and its gate is met: images that forbid guest-exec are not to be told apart by it. What a host
// cannot ask (a hook that is older, a machine that is gone at this moment) is a gate that is not met, with its words; a host that does not
// answer is an error, as it is for addresses and consoles.
package gate
