package provider

import (
	"cmp"
	"maps"
	"net/netip"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/machines"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// everyPool is more pools than a choice of one can show.
const everyPool = 500

func (h Handlers) hostForm(c echo.Context, status int, p web.HostNewProps) error {
	pools, _, err := h.Machines.ProviderPools(c.Request().Context(), where(c), machines.PoolFilter{Page: store.Page{Limit: everyPool}})
	if err != nil {
		return err
	}
	p.Layout = h.layout(c)
	for _, x := range pools {
		if x.ID.String() == p.Pool {
			p.Form.Refusal = outsideToo(p, x.Underlay)
		}
		p.Pools = append(p.Pools, ui.Option{Value: x.ID.String(), Label: x.Name + ", underlay " + x.Underlay.String()})
	}
	if len(pools) == 1 && p.Pool == "" {
		p.Pool = pools[0].ID.String()
	}
	p.Schemes, p.Simulated = h.schemes(), h.Simulated
	form, err := uuid.Parse(p.Enrolment)
	if err != nil { // a script's, or somebody changed it
		if form, err = store.NewID(); err != nil {
			return err
		}
		p.Enrolment = form.String()
	}
	p.Line = provisioner.EnrolLine(provisioner.HostAddress{}, provisioner.FormCode(who(c), where(c), form), "")
	return page.Render(c, status, web.HostNew(p))
}

// outsideToo adds to what is wrong with a form that its address is not one of the pool's network: with the other faults, and not
// after them.
func outsideToo(p web.HostNewProps, pool netip.Prefix) *refusal.Error {
	at, err := netip.ParseAddr(strings.TrimSpace(cmp.Or(p.Underlay, p.Address)))
	r := p.Form.Refusal
	if err != nil || r == nil || len(r.Fields) == 0 || r.Fields["underlay"] != "" || pool.Contains(at) {
		return r
	}
	more := *r
	more.Fields = maps.Clone(r.Fields)
	more.Fields["underlay"] = machines.OutsideUnderlay(at, pool)
	return &more
}

// schemes are those that the operator's configuration lets staff choose.
func (h Handlers) schemes() []ui.Option {
	list := []ui.Option{{Value: string(provisioner.SchemeTLS), Label: "TLS, with certificates"}, {Value: string(provisioner.SchemeSSH), Label: "SSH, with a key"}}
	if h.PlainHosts {
		list = append(list, ui.Option{Value: string(provisioner.SchemeTCP), Label: "TCP, unprotected: one machine, and the lab"}, ui.Option{Value: string(provisioner.SchemeUnix), Label: "The worker's own machine"})
	}
	if h.Simulated {
		list = append(list, ui.Option{Value: string(provisioner.SchemeMemory), Label: "Simulated"})
	}
	return list
}

func (h Handlers) hostAgain(c echo.Context, p web.HostNewProps, r *refusal.Error) error {
	p.Form = ui.Form{Refusal: r}
	return h.hostForm(c, respond.Status(r.Code), p)
}

func (h Handlers) typedHost(f *request.Form) (pool uuid.UUID, n machines.NewHost) {
	var schemes []string
	for _, s := range h.schemes() {
		schemes = append(schemes, s.Value)
	}
	pool = f.ID("pool", "a pool")
	n.Form, _ = uuid.Parse(f.Typed("enrolment"))
	n.Address.Scheme = provisioner.Scheme(f.Choice("scheme", "how the host is reached", schemes...))
	n.Address.Name = typed.HostASCII(strings.TrimSpace(f.Typed("address")))
	if n.Name = n.Address.Name; f.Has("name") || n.Name == "" {
		n.Name = f.Name("name", "a name", 1, 80)
	}
	if f.Has("port") {
		n.Address.Port = f.Int("port", "the port", 1, 65535)
	}
	if f.Has("vcpus") {
		n.VCPUs = f.Int("vcpus", "the vCPUs offered", 1, 65536)
	}
	at := strings.TrimSpace(f.Typed("underlay"))
	if at == "" {
		at = n.Address.Name
	}
	if underlay, err := netip.ParseAddr(at); err != nil || !underlay.Is4() {
		f.Wrong("underlay", "Give the host's IPv4 address on the underlay, such as 192.0.2.11.")
	} else {
		n.Underlay = underlay
	}
	n.Labels = typedLabels(f, "labels")
	return pool, n
}

// typedLabels reads labels like "rack=a1, room=2"; a name alone is a label without a value.
func typedLabels(f *request.Form, field string) map[string]string {
	labels := map[string]string{}
	for part := range strings.FieldsFuncSeq(f.Typed(field), func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		name, value, _ := strings.Cut(part, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if name == "" {
			if value != "" {
				f.Wrong(field, "Write labels such as rack=a1, with commas between them.")
			}
			continue
		}
		if _, twice := labels[name]; twice {
			f.Wrong(field, "The label "+name+" is there twice.")
		}
		labels[name] = value
	}
	return labels
}

func hostPath(id uuid.UUID) string { return "/provider/hosts/" + id.String() }
