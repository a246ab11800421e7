package org

import (
	"context"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/models"
	web "volary.dev/web/org"
)

// agentless warns of a gate that an image has not shown to meet.
const agentless = "Its nodes are ready when their guest agent answers, and in its last acceptance test the image showed none. Install qemu-guest-agent in it, or choose another gate."

// tryGates tells of each gate of a form what the last recorded console of its image says of it.
func (h Handlers) tryGates(ctx context.Context, orgID uuid.UUID, v *web.VersionValues) error {
	groups := []*web.GroupValues{&v.Head}
	for i := range v.Groups {
		groups = append(groups, &v.Groups[i])
	}
	said := meant(*v)
	heard := append([]web.GroupValues{said.Head}, said.Groups...)
	images := make([]uuid.UUID, len(groups))
	for i, g := range heard {
		images[i], _ = uuid.Parse(g.Image) // what is none was recorded by nobody
	}
	consoles, err := h.Models.RecordedConsoles(ctx, orgID, images)
	if err != nil {
		return err
	}
	without, err := h.Models.AgentlessImages(ctx, orgID, images)
	if err != nil {
		return err
	}
	for i, g := range heard {
		if c, ok := consoles[images[i]]; ok {
			groups[i].Tried = triedOn(c, g.GateText)
		}
		if without[images[i]] && g.GateKind == string(provisioner.GateAgent) {
			groups[i].GateWarning = agentless
		}
	}
	return nil
}

// triedOn looks for a gate's text on a console as the gate does.
func triedOn(c models.RecordedConsole, text string) *web.ConsoleTry {
	try := &web.ConsoleTry{TestID: c.TestID, Node: c.Node, At: c.At, Text: text}
	if text != "" {
		line, number, lines := provisioner.FindOnConsole([]byte(c.Text), text)
		try.Line, try.Number, try.Lines = string(line), number, lines
	}
	return try
}

// gateWarnings are those of a version's groups, by group.
func (h Handlers) gateWarnings(ctx context.Context, orgID uuid.UUID, v models.Version) (map[string]string, error) {
	images := []uuid.UUID{}
	for _, g := range v.Groups {
		images = append(images, g.ImageID)
	}
	without, err := h.Models.AgentlessImages(ctx, orgID, images)
	if err != nil {
		return nil, err
	}
	warnings := map[string]string{}
	for _, g := range v.Groups {
		if g.Gate.Kind == provisioner.GateAgent && without[g.ImageID] {
			warnings[g.Name] = agentless
		}
	}
	return warnings, nil
}
