package org

import (
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
)

// AnswerDrain says whether nodes go that the cluster's own scheduler has not let go, or not yet.
func (h Handlers) AnswerDrain(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	drain, answer := f.ID("drain", "the nodes"), f.Choice("answer", "what becomes of the nodes", "remove", "keep")
	if r := f.Refusal(); r != nil {
		return h.clusterAgain(c, r)
	}
	orgID, personID := where(c)
	err = h.Machines.AnswerDrain(c.Request().Context(), orgID, personID, id, drain, answer == "remove")
	if r, ok := respond.AsForm(err); ok {
		return h.clusterAgain(c, r)
	}
	if err != nil {
		return err
	}
	if answer == "remove" {
		return h.Frame.Done(c, clusterPath(id), "They go now. What is set aside for the rest of the lease comes back when the machines are off.")
	}
	return h.Frame.Done(c, clusterPath(id), "They stay. Where their scheduler was told to drain them, it has to be told that they take jobs again.")
}
