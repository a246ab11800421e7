package org

import (
	"time"

	"github.com/google/uuid"
)

// orZero is how pages take a time that may not have come.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func clusterPath(id uuid.UUID) string { return "/org/clusters/" + id.String() }
