package storetest

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/store/machines"
)

// OneHour launches one head and some compute nodes, 1 compute hour each.
func OneHour(w *World, name string, compute int) machines.LaunchRequest {
	return machines.LaunchRequest{VersionID: w.Version, PoolID: w.PoolID, Name: name, Counts: machines.Counts{"compute": compute}, LeaseSeconds: 3600}
}

// Cluster reads one of the World's organization.
func Cluster(t *testing.T, w *World, id uuid.UUID) machines.ClusterDetail {
	t.Helper()
	return Must[machines.ClusterDetail](t)(w.DB.Machines.Cluster(t.Context(), w.Organization, id))
}
