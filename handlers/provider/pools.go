package provider

import (
	"maps"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

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

// ListPools shows the provider's pools.
func (h Handlers) ListPools(c echo.Context) error {
	l, q := request.ParseList(c, "name", "location", "hosts", "vcpus", "clusters"), request.ParseQuery(c)
	f := machines.PoolFilter{Search: q.Typed("search"), Sorting: l.Sorting, Page: l.Page()}
	pools, total, err := h.Machines.ProviderPools(c.Request().Context(), where(c), f)
	if err != nil {
		return err
	}
	p := web.PoolListProps{Layout: h.layout(c), List: page.List(l, total), Search: f.Search}
	for _, x := range pools {
		p.Pools = append(p.Pools, poolRow(x))
	}
	return page.Render(c, http.StatusOK, web.PoolList(p))
}

// ShowPool shows one pool.
func (h Handlers) ShowPool(c echo.Context) error {
	x, err := h.poolOf(c)
	if err != nil {
		return err
	}
	p := web.PoolShowProps{
		Layout: h.layout(c), Row: poolRow(x), SubnetBits: x.SubnetBits, Underlay: x.Underlay.String(), Storage: x.Storage,
		MachineType: x.MachineType, CPU: x.CPU, MTU: mtuOf(x.Underlay, x.MTU), GoOut: x.Masquerade, Wipe: x.WipeDisks, MaxLeaseHours: x.MaxLeaseHours,
		Packed: x.Placement == machines.PlacePack, PerProcessor: typed.Text(int64(x.Overcommit), 2), HostLabels: machines.WrittenLabels(x.HostLabels), Unlabelled: x.Unlabelled,
		Policy: x.Policy, Management: prefixes(x.Management), Allowed: prefixes(x.Allowed), Closed: prefixes(provisioner.PrivatePrefixes()),
	}
	if p.Made, err = h.Machines.PoolProcessors(c.Request().Context(), where(c), x.ID); err != nil {
		return err
	}
	return page.Live(c, web.PoolShow(p))
}

func prefixes(list []netip.Prefix) string {
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = m.String()
	}
	return strings.Join(texts, ", ")
}

func (h Handlers) poolOf(c echo.Context) (machines.PoolRow, error) {
	id, err := request.ID(c, "id", "pool")
	if err != nil {
		return machines.PoolRow{}, err
	}
	return h.Machines.ProviderPool(c.Request().Context(), where(c), id)
}

// NewPool shows the form for another pool, with the values most take; its drawing follows what is typed.
func (h Handlers) NewPool(c echo.Context) error {
	p := web.PoolFormProps{
		Layout: h.layout(c), SubnetBits: "24", Storage: "local", MachineType: "q35", UnderlayMTU: usualMTU, TestVCPUs: "4", MaxLease: "720", GoOut: true,
		Placement: string(machines.PlaceSpread), Overcommit: "1",
	}
	return poolPage(c, p)
}

// usualMTU is Ethernet's.
const usualMTU = "1500"

// poolPage shows a pool's form. Asked for the drawing alone, it draws the networks that are typed.
func poolPage(c echo.Context, p web.PoolFormProps) error {
	if request.IsFragment(c) {
		f := request.ParseQuery(c)
		p.Prefix, p.SubnetBits, p.Underlay, p.UnderlayMTU = f.Typed("prefix"), f.Typed("subnet_bits"), f.Typed("underlay"), f.Typed("underlay_mtu")
		p.Management, p.Allowed, p.GoOut = f.Typed("management"), f.Typed("allowed"), f.Has("masquerade")
	}
	p.Drawing = drawingOf(p)
	return page.Live(c, web.PoolForm(p))
}

// CreatePool adds a pool.
func (h Handlers) CreatePool(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p, pool := typedPool(f)
	f.Also(pool.Check())
	p.Layout = h.layout(c)
	if r := f.Refusal(); r != nil {
		return poolAgain(c, p, r)
	}
	id, err := h.Machines.CreatePool(c.Request().Context(), who(c), where(c), pool)
	if r, ok := respond.AsForm(err); ok {
		return poolAgain(c, p, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, poolPath(id), "The pool is made. It needs hosts.")
}

// EditPool shows a pool's form.
func (h Handlers) EditPool(c echo.Context) error {
	x, err := h.poolOf(c)
	if err != nil {
		return err
	}
	p := web.PoolFormProps{
		Layout: h.layout(c), ID: x.ID, Clusters: x.Clusters,
		Name: x.Name, Location: x.Location, Prefix: x.Prefix.String(), SubnetBits: strconv.Itoa(x.SubnetBits), Underlay: x.Underlay.String(),
		Management: prefixes(x.Management), Allowed: prefixes(x.Allowed), Storage: x.Storage, MachineType: x.MachineType, CPU: x.CPU,
		UnderlayMTU: strconv.Itoa(mtuOf(x.Underlay, x.MTU).Underlay),
		GoOut:       x.Masquerade, Wipe: x.WipeDisks, TestVCPUs: strconv.Itoa(x.TestVCPUs), MaxLease: strconv.Itoa(x.MaxLeaseHours), Policy: x.Policy,
		Placement: string(x.Placement), Overcommit: typed.Text(int64(x.Overcommit), 2), HostLabels: machines.WrittenLabels(x.HostLabels),
	}
	return poolPage(c, p)
}

// UpdatePool changes a pool.
func (h Handlers) UpdatePool(c echo.Context) error {
	x, err := h.poolOf(c)
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	// A page from before there were these fields changes none of them.
	f.Default("placement", string(x.Placement))
	f.Default("overcommit", typed.Text(int64(x.Overcommit), 2))
	f.Default("host_labels", machines.WrittenLabels(x.HostLabels))
	p, pool := typedPool(f)
	f.Also(pool.Check())
	p.Layout, p.ID, p.Clusters = h.layout(c), x.ID, x.Clusters
	if r := f.Refusal(); r != nil {
		return poolAgain(c, p, r)
	}
	err = h.Machines.UpdatePool(c.Request().Context(), who(c), where(c), x.ID, pool)
	if r, ok := respond.AsForm(err); ok {
		return poolAgain(c, p, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, poolPath(x.ID), "The pool is changed.")
}

func poolAgain(c echo.Context, p web.PoolFormProps, r *refusal.Error) error {
	if wrong, ok := r.Fields["mtu"]; ok { // of what follows from the underlay's
		changed := *r
		changed.Fields = maps.Clone(r.Fields)
		delete(changed.Fields, "mtu")
		if changed.Fields["underlay_mtu"] == "" {
			changed.Fields["underlay_mtu"] = wrong
		}
		r = &changed
	}
	p.Form, p.Drawing = ui.Form{Refusal: r}, drawingOf(p)
	return page.Render(c, respond.Status(r.Code), web.PoolForm(p))
}

func poolPath(id uuid.UUID) string { return "/provider/pools/" + id.String() }

// typedPool reads the form. A box that is not ticked is not sent at all.
func typedPool(f *request.Form) (web.PoolFormProps, machines.NewPool) {
	f.Default("underlay_mtu", usualMTU)
	f.Default("placement", string(machines.PlaceSpread))
	f.Default("overcommit", "1")
	p := web.PoolFormProps{
		Name: f.Typed("name"), Location: f.Typed("location"), Prefix: f.Typed("prefix"), SubnetBits: f.Typed("subnet_bits"),
		Underlay: f.Typed("underlay"), Management: f.Typed("management"), Allowed: f.Typed("allowed"), Storage: f.Typed("storage"), MachineType: f.Typed("machine_type"),
		CPU: f.Typed("cpu"), UnderlayMTU: f.Typed("underlay_mtu"), GoOut: f.Has("masquerade"), Wipe: f.Has("wipe_disks"), TestVCPUs: f.Typed("test_vcpus"),
		MaxLease: f.Typed("max_lease"), Policy: f.Typed("policy"), Placement: f.Typed("placement"), Overcommit: f.Typed("overcommit"), HostLabels: f.Typed("host_labels"),
	}
	n := machines.NewPool{
		Name: f.Name("name", "a name", 1, 80), Location: f.Text("location", "the location", 0, 80),
		Prefix:     typedPrefix(f, "prefix", "Give an IPv4 prefix such as 10.128.0.0/12: clusters take their subnets out of it."),
		SubnetBits: f.Int("subnet_bits", "the length of a subnet", 16, 28),
		Underlay:   typedPrefix(f, "underlay", "Give the network between the hosts, such as 192.0.2.0/24."),
		Management: typedPrefixes(f, "management"), Allowed: typedPrefixes(f, "allowed"), Storage: f.Text("storage", "the kind of storage", 1, 20),
		MachineType: f.Text("machine_type", "the machine type", 1, 64), CPU: f.Text("cpu", "the CPU model", 0, 64),
		NoMasquerade: !p.GoOut, WipeDisks: p.Wipe,
		TestVCPUs: f.Int("test_vcpus", "the test share", 0, 1<<20), MaxLeaseHours: f.Int("max_lease", "the longest lease", 1, 8760),
		Policy:     strings.TrimSpace(f.Lines("policy", "the policy", 8000)),
		Placement:  machines.Placement(f.Choice("placement", "where nodes go", string(machines.PlaceSpread), string(machines.PlacePack))),
		Overcommit: int(f.Decimal("overcommit", "the number of vCPUs per processor", 2, machines.LeastOvercommit, machines.MostOvercommit)), HostLabels: typedLabels(f, "host_labels"),
	}
	n.NoTests = n.TestVCPUs == 0
	n.MTU = typedMTU(f, n.Underlay)
	return p, n
}

func typedPrefix(f *request.Form, name, otherwise string) netip.Prefix {
	prefix, err := netip.ParsePrefix(strings.TrimSpace(f.Typed(name)))
	if err != nil {
		f.Wrong(name, otherwise)
	}
	return prefix
}

func typedPrefixes(f *request.Form, name string) []netip.Prefix {
	list := []netip.Prefix{}
	for _, part := range strings.FieldsFunc(f.Typed(name), func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' }) {
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			f.Wrong(name, "Give prefixes such as 198.51.100.0/24, with commas between them.")
			return nil
		}
		list = append(list, prefix.Masked())
	}
	return list
}
