package storetest

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store/machines"
	"volary.dev/store/people"
)

// Member adds a plain member to the World's organization.
func Member(t *testing.T, w *World, email string) uuid.UUID {
	t.Helper()
	id, err := w.DB.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: email, Name: email, Password: Password})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.DB.People.AddMember(t.Context(), w.Person, w.Organization, id, people.RoleMember); err != nil {
		t.Fatal(err)
	}
	return id
}

// CapOf is a person's cap in the World's organization; nil: none.
func CapOf(t testing.TB, w *World, person uuid.UUID) *machines.Cap {
	t.Helper()
	return check[machines.LaunchForm](t)(w.DB.Machines.LaunchForm(t.Context(), w.Organization, person)).Cap
}

// SetCap bounds what a member may set aside, in compute hours.
func SetCap(t *testing.T, w *World, person uuid.UUID, hours int64) {
	t.Helper()
	limit := billing.Hours(hours) * billing.ComputeHour
	if err := w.DB.Machines.SetCap(t.Context(), w.Organization, w.Person, person, &limit); err != nil {
		t.Fatal(err)
	}
}
