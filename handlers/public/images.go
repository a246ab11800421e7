package public

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/provisioner/userdata"
	web "volary.dev/web/public"
)

// exampleCompute is how many compute nodes the page's example has.
const exampleCompute = 3

// ShowImageGuide says what an image must do. Its examples come from what makes real seeds.
func (h Handlers) ShowImageGuide(c echo.Context) error {
	p, err := imageGuide()
	if err != nil {
		return err
	}
	p.Layout = h.layout(c)
	return page.Render(c, http.StatusOK, web.ImageGuide(p))
}

func imageGuide() (web.ImageGuideProps, error) {
	seed := exampleSeed()
	p := web.ImageGuideProps{
		Cluster: "trial-1", Node: seed.Hostname, Env: seed.Environment(), Hosts: seed.Hosts(), Most: userdata.Most >> 10,
	}
	for _, n := range seed.Nodes {
		p.Nodes = append(p.Nodes, web.NamedNode{Name: n.Name, Domain: seed.Domain, Address: n.IP.String()})
	}
	files, err := seed.Files()
	if err != nil {
		return p, fmt.Errorf("example of a seed: %w", err)
	}
	for _, f := range files {
		p.Files = append(p.Files, web.SeedFile{Name: f.Name, Content: f.Content})
	}
	return p, nil
}

// exampleSeed is that of the first compute node.
func exampleSeed() cloudinit.Seed {
	base := netip.MustParseAddr("10.128.4.0").As4()
	address := func(n int) netip.Addr { base[3] = byte(n & 0xff); return netip.AddrFrom4(base) }
	nodes := []provisioner.NetworkEntry{{Name: provisioner.HeadName, IP: address(provisioner.HeadAddress)}}
	for n := 1; n <= exampleCompute; n++ {
		nodes = append(nodes, provisioner.NetworkEntry{Name: provisioner.ComputeName(n), IP: address(provisioner.HeadAddress + n)})
	}
	return cloudinit.Seed{
		InstanceID: "01939f3c-5b1e-7c6a-9d52-3f0f5a1c0b77", Hostname: provisioner.ComputeName(1), Domain: provisioner.ClusterDomain("trial-1"),
		Role: provisioner.RoleCompute, SSHKeys: []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExample you"},
		Nodes: nodes, Secret: strings.Repeat("0123456789abcdef", 4), UserData: "#!/bin/sh\necho yours\n",
	}
}
