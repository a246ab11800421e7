package provider

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/machines"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// ListShapes shows the provider's shapes, or with ?retired=1 those that are no longer offered.
func (h Handlers) ListShapes(c echo.Context) error { return h.shapeList(c, http.StatusOK, nil) }

func (h Handlers) shapeList(c echo.Context, status int, refusal *refusal.Error) error {
	l, q := request.ParseList(c, "name", "vcpus", "memory", "disk", "rate", "nodes"), request.ParseQuery(c)
	l.Path = "/provider/shapes"
	f := machines.ShapeFilter{Search: q.Typed("search"), Retired: q.Typed("retired") == "1", Sorting: l.Sorting, Page: l.Page()}
	shapes, total, err := h.Machines.ProviderShapes(c.Request().Context(), where(c), f)
	if err != nil {
		return err
	}
	p := web.ShapeListProps{Layout: h.layout(c), List: page.List(l, total), Search: f.Search, Retired: f.Retired, Form: ui.Form{Refusal: refusal}}
	for _, x := range shapes {
		p.Shapes = append(p.Shapes, web.ShapeRow{
			ID: x.ID, Name: x.Name, VCPUs: x.VCPUs, MemoryMiB: x.MemoryMiB, DiskGiB: x.DiskGiB, RateMCS: int64(x.Rate), Nodes: x.Nodes, Retired: x.Retired,
		})
	}
	return page.Render(c, status, web.ShapeList(p))
}

// NewShape shows the form for another shape.
func (h Handlers) NewShape(c echo.Context) error {
	return page.Render(c, http.StatusOK, web.ShapeNew(web.ShapeNewProps{Layout: h.layout(c)}))
}

// CreateShape adds a shape. Its rate is fixed from then on.
func (h Handlers) CreateShape(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.ShapeNewProps{
		Layout: h.layout(c), Name: f.Typed("name"), VCPUs: f.Typed("vcpus"), Memory: f.Typed("memory"), Disk: f.Typed("disk"), Rate: f.Typed("rate"),
	}
	n := machines.NewShape{Name: f.Name("name", "a name", 1, 40), Shape: provisioner.Shape{
		VCPUs: f.Int("vcpus", "the vCPUs", 1, 1024), MemoryMiB: f.Int("memory", "the memory", 64, 16<<20), DiskGiB: f.Int("disk", "the disk", 1, 65536),
	}}
	if f.Has("rate") {
		n.Rate = billing.Rate(f.Int("rate", "the rate", 1, int(billing.MaxRate)))
	}
	if r := f.Refusal(); r != nil {
		return shapeAgain(c, p, r)
	}
	_, err = h.Machines.CreateShape(c.Request().Context(), who(c), where(c), n)
	if r, ok := respond.AsForm(err); ok {
		return shapeAgain(c, p, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/provider/shapes", "The shape "+typed.Isolate(n.Name)+" is offered from now on: "+ui.Plural(n.Shape.VCPUs, "vCPU", "vCPUs")+", "+ui.MiB(n.Shape.MemoryMiB)+" of memory, "+ui.Count(n.Shape.DiskGiB)+" GiB of disk.")
}

func shapeAgain(c echo.Context, p web.ShapeNewProps, r *refusal.Error) error {
	p.Form = ui.Form{Refusal: r}
	return page.Render(c, respond.Status(r.Code), web.ShapeNew(p))
}

// RetireShape ends the offering of a shape.
func (h Handlers) RetireShape(c echo.Context) error {
	id, err := request.ID(c, "id", "shape")
	if err != nil {
		return err
	}
	err = h.Machines.RetireShape(c.Request().Context(), who(c), where(c), id)
	if r, ok := respond.AsForm(err); ok {
		return h.shapeList(c, respond.Status(r.Code), r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/provider/shapes", "The shape is retired. What was launched with it keeps it.")
}
