package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
)

// NameKind is a kind of things whose names are each once in their scope.
type NameKind string

// The kinds, with what a sentence calls one.
const (
	OrganizationName NameKind = "organization"
	ProviderName     NameKind = "provider"
	PoolName         NameKind = "pool"
	ShapeName        NameKind = "shape"
	OfferName        NameKind = "offer"
	ModelName        NameKind = "model cluster"
)

// TakenName is a name for something in its scope: an organization's or a provider's id, Nil for the whole deployment.
type TakenName struct {
	Kind           NameKind
	Scope, Subject uuid.UUID
	Name           string
	Field          string // what the form calls it
}

// TakeName keeps a name, in place of the one that its subject had. Refusals: "duplicate" where another's looks the same.
func TakeName(ctx context.Context, tx pgx.Tx, n TakenName) error {
	if _, err := tx.Exec(ctx, `DELETE FROM taken_names WHERE kind = $1 AND subject_id = $2`, n.Kind, n.Subject); err != nil {
		return fmt.Errorf("let go of name: %w", err)
	}
	kept, err := keepName(ctx, tx, n)
	if err != nil {
		return err
	}
	if !kept {
		article := "a "
		if n.Kind == OrganizationName || n.Kind == OfferName {
			article = "an "
		}
		title := fmt.Sprintf("There is %s%s already whose name looks the same as \"%s\".", article, n.Kind, typed.Isolate(n.Name))
		return &refusal.Error{
			Code: "duplicate", Title: title, Next: "Choose a name that differs by more than case, blanks or letters that look alike.",
			Fields: map[string]string{n.Field: title},
		}
	}
	return nil
}

func keepName(ctx context.Context, tx pgx.Tx, n TakenName) (kept bool, err error) {
	keys := typed.Skeletons(n.Name)
	slices.Sort(keys) // two names at once take their keys in one order, so that neither waits for the other in a ring
	tag, err := tx.Exec(ctx, `
		INSERT INTO taken_names (kind, scope_id, key, subject_id) SELECT $1, $2, key, $4 FROM unnest($3::text[]) AS key
		ON CONFLICT DO NOTHING`, n.Kind, n.Scope, keys, n.Subject)
	if err != nil {
		return false, fmt.Errorf("take name: %w", err)
	}
	return tag.RowsAffected() == int64(len(keys)), nil
}
