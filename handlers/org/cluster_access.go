package org

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/web/layout"
	web "volary.dev/web/org"
)

// signIn is empty until the head's port is published. The user is the version's, else whom the head's console named, else root.
func signIn(d machines.ClusterDetail) web.SignIn {
	if d.SSHPort == 0 || !d.SSHHost.IsValid() {
		return web.SignIn{}
	}
	user := cmp.Or(d.Model.SignInUser, d.SignIn.User, "root")
	s := web.SignIn{
		Command: sshCommand(d, user), User: user,
		UserSaid: d.Model.SignInUser == "" && d.SignIn.User != "", UserGuessed: d.Model.SignInUser == "" && d.SignIn.User == "",
	}
	for _, k := range d.SignIn.HostKeys {
		s.HostKeys = append(s.HostKeys, k.Kind+" "+k.Fingerprint)
	}
	for _, n := range d.NodeRows {
		if n.Role == provisioner.RoleCompute {
			s.Jump, s.JumpTo = jumpCommand(d, user, n), n.Name
			break
		}
	}
	return s
}

func sshCommand(d machines.ClusterDetail, user string) string {
	return fmt.Sprintf("ssh -p %d %s@%s", d.SSHPort, user, d.SSHHost)
}

func jumpCommand(d machines.ClusterDetail, user string, to machines.NodeRow) string {
	return fmt.Sprintf("ssh -J %s@%s %s@%s", user, netip.AddrPortFrom(d.SSHHost, uint16(d.SSHPort)), user, to.Address) //nolint:gosec // a port
}

// readLogin has the reader sign in by their own login, where the model has accounts and they may work there.
func (h Handlers) readLogin(c echo.Context, d machines.ClusterDetail, p *web.ClusterShowProps) error {
	if !d.Model.Accounts || d.Test || p.SSH.Command == "" || !mayWork(c) {
		return nil
	}
	orgID, personID := where(c)
	login, err := h.People.Login(c.Request().Context(), orgID, personID)
	if err != nil || login.Name == "" {
		return err
	}
	absent := slices.ContainsFunc(d.AbsentLogins, func(l machines.AbsentLogin) bool { return l.Login == login.Name })
	s := &p.SSH
	if s.Own, s.OwnWaits = login.Name, login.Keys == 0 || absent; s.OwnWaits {
		return nil
	}
	s.Shared, s.Command = s.Command, sshCommand(d, login.Name)
	for _, n := range d.NodeRows {
		if n.Name == s.JumpTo {
			s.Jump = jumpCommand(d, login.Name, n)
		}
	}
	return nil
}

// endedKeys is what of keys whose right ended a page says.
func endedKeys(list []machines.OpenKey, untold []machines.UntoldNode, l layout.Props) web.EndedKeys {
	p := web.EndedKeys{Now: l.Now, Zone: l.Zone}
	for _, k := range list {
		p.Keys = append(p.Keys, web.EndedKey{
			Person: k.PersonName, Key: k.KeyName, Fingerprint: k.Fingerprint, ClusterID: k.ClusterID, Cluster: k.ClusterName, Why: keyEnds[k.Ended],
			Nodes: k.Nodes, Taken: k.Taken, At: page.Time(k.TakenAt),
		})
	}
	for _, n := range untold {
		p.Untold = append(p.Untold, web.UntoldNode{
			ClusterID: n.ClusterID, Cluster: n.ClusterName, Node: n.Name, State: n.State, Problem: n.Problem, Since: page.Time(n.Since), Next: page.Time(n.Next),
		})
	}
	return p
}

// keyEnds says why in words.
var keyEnds = map[machines.KeyEnd]string{
	machines.KeyOwnerLeft: "no member any more", machines.KeyOwnerDemoted: "role without clusters",
	machines.KeyOwnerSuspended: "suspended", machines.KeyDeleted: "key removed",
}
