package ui

import "volary.dev/provisioner"

// Tone is what a state means to a reader, and with it shape and colour of its mark.
type Tone string

// The tones, each with a shape of its own in Mark.
const (
	ToneGood Tone = "good" // filled disc: as wanted
	ToneBusy Tone = "busy" // half disc: on its way
	ToneWait Tone = "wait" // dotted ring: nothing happens yet
	ToneWarn Tone = "warn" // triangle: needs a look
	ToneBad  Tone = "bad"  // square with a cross: failed
	ToneOff  Tone = "off"  // ring: at rest
	ToneGone Tone = "gone" // dash: no more
)

// ClusterTone is the tone of a cluster's state.
func ClusterTone(s provisioner.ClusterState) Tone {
	switch s {
	case provisioner.ClusterReady:
		return ToneGood
	case provisioner.ClusterStarting, provisioner.ClusterStopping:
		return ToneBusy
	case provisioner.ClusterWaiting:
		return ToneWait
	case provisioner.ClusterDegraded:
		return ToneWarn
	case provisioner.ClusterFailed:
		return ToneBad
	case provisioner.ClusterStopped, provisioner.ClusterPaused:
		return ToneOff
	default:
		return ToneGone
	}
}

// NodeTone is the tone of a node's state.
func NodeTone(s provisioner.NodeState) Tone {
	switch s {
	case provisioner.NodeReady:
		return ToneGood
	case provisioner.NodeStarting, provisioner.NodePausing, provisioner.NodeStopping:
		return ToneBusy
	case provisioner.NodeReserved:
		return ToneWait
	case provisioner.NodeLost:
		return ToneWarn
	case provisioner.NodeFailed:
		return ToneBad
	case provisioner.NodeStopped, provisioner.NodePaused:
		return ToneOff
	default:
		return ToneGone
	}
}

// HostTone is the tone of what staff want of a host.
func HostTone(s provisioner.HostState) Tone {
	switch s {
	case provisioner.HostActive:
		return ToneGood
	case provisioner.HostDraining:
		return ToneBusy
	default:
		return ToneOff
	}
}

// SeenTone is the tone of what is seen of a host.
func SeenTone(s provisioner.HostSeen) Tone {
	switch s {
	case provisioner.HostUp:
		return ToneGood
	case provisioner.HostLate:
		return ToneWarn
	default:
		return ToneBad
	}
}

// WordTone is the tone of the words that uploads, versions, tests, their checks, keys and signatures use for their states. A word
// it does not know is at rest.
func WordTone(word string) Tone {
	switch word {
	case "passed", "accepted", "verified", "published", "ready", "active", "approved", "done", "valid", "signs":
		return ToneGood
	case "verifying", "running", "uploading", "arriving", "fetching", "starting", "checking":
		return ToneBusy
	case "queued", "waiting", "uploaded", "pending":
		return ToneWait
	case "unverified", "warning", "interrupted", "unknown", "missing":
		return ToneWarn
	case "failed", "not fetched", "refused", "rejected", "error", "revoked", "broken", "foreign":
		return ToneBad
	case "gone", "deleted", "expired", "skipped", "cancelled", "not observed", "withdrawn", "retired":
		return ToneGone
	default:
		return ToneOff
	}
}
