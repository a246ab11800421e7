package store

import (
	"context"

	"github.com/google/uuid"
)

// IssueConsoleTicket makes a token with which a console can be opened once within thirty seconds.
func (db *DB) IssueConsoleTicket(ctx context.Context, orgID, personID, nodeID uuid.UUID) (token string, err error) {
	return "", errUnwritten
}

// RedeemConsoleTicket uses a token up. One that is unknown, used or late is NotFound("console ticket").
func (db *DB) RedeemConsoleTicket(ctx context.Context, token string) (NodeHost, error) {
	return NodeHost{}, errUnwritten
}
