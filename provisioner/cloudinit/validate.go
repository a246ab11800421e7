package cloudinit

import (
	"fmt"
	"regexp"
	"strings"

	"volary.dev/provisioner"
	"volary.dev/provisioner/userdata"
)

// Bounds of a seed. A seed is kept on every host, sent over libvirt's RPC and read by every node.
const (
	MaxSSHKey = 8 << 10 // bytes
	MaxNodes  = 4096
	maxSecret = 256
)

var (
	label   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	token   = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)
	secret  = regexp.MustCompile(`^[A-Za-z0-9+/=_.-]*$`)
	keyKind = regexp.MustCompile(`^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+$`)
	keyBlob = regexp.MustCompile(`^[A-Za-z0-9+/=]+$`)
)

func (s Seed) validate() error {
	switch {
	case !token.MatchString(s.InstanceID):
		return fmt.Errorf("%w: instance id %q is not 8 to 64 letters, digits and hyphens", ErrSeed, s.InstanceID)
	case !label.MatchString(s.Hostname):
		return fmt.Errorf("%w: host name %q is not one DNS label", ErrSeed, s.Hostname)
	case s.Role != provisioner.RoleHead && s.Role != provisioner.RoleCompute:
		return fmt.Errorf("%w: role %q is neither head nor compute", ErrSeed, s.Role)
	case s.Group != "" && !label.MatchString(s.Group):
		return fmt.Errorf("%w: group %q is not one DNS label", ErrSeed, s.Group)
	case len(s.Secret) > maxSecret || !secret.MatchString(s.Secret):
		return fmt.Errorf("%w: the cluster's secret has more than %d characters or others than letters, digits and +/=_.-", ErrSeed, maxSecret)
	case s.User != "" && !userName(s.User):
		return fmt.Errorf("%w: user %q is no user's name", ErrSeed, s.User)
	case s.Check != nil && !token.MatchString(s.Check.Nonce):
		return fmt.Errorf("%w: nonce %q is not 8 to 64 letters, digits and hyphens", ErrSeed, s.Check.Nonce)
	}
	if err := s.validateDomain(); err != nil {
		return err
	}
	if err := s.validateNodes(); err != nil {
		return err
	}
	if err := s.validateKeys(); err != nil {
		return err
	}
	if _, err := s.bootScript(); err != nil {
		return err
	}
	if r := userdata.Check(s.UserData); r != nil {
		return fmt.Errorf("%w: %s", ErrSeed, r.Fields[userdata.Field])
	}
	return nil
}

func userName(s string) bool {
	_, err := provisioner.ParseUser(s)
	return err == nil
}

func (s Seed) validateDomain() error {
	if s.Domain == "" {
		return nil
	}
	for _, part := range strings.Split(s.Domain, ".") {
		if !label.MatchString(part) {
			return fmt.Errorf("%w: domain %q is not made of DNS labels", ErrSeed, s.Domain)
		}
	}
	if n := len(s.fqdn()); n > 253 {
		return fmt.Errorf("%w: %q has %d characters, a DNS name has at most 253", ErrSeed, s.fqdn(), n)
	}
	return nil
}

func (s Seed) validateNodes() error {
	if len(s.Nodes) > MaxNodes {
		return fmt.Errorf("%w: %d nodes, at most %d", ErrSeed, len(s.Nodes), MaxNodes)
	}
	names := map[string]bool{}
	for _, n := range s.Nodes {
		if !label.MatchString(n.Name) || !n.IP.Is4() || names[n.Name] {
			return fmt.Errorf("%w: node %q at %s has no DNS label or IPv4 address of its own", ErrSeed, n.Name, n.IP)
		}
		names[n.Name] = true
	}
	if !names[s.Hostname] || !names[string(provisioner.RoleHead)] {
		return fmt.Errorf("%w: the list of %d nodes lacks the head or %q itself", ErrSeed, len(s.Nodes), s.Hostname)
	}
	return nil
}

func (s Seed) validateKeys() error {
	if len(s.SSHKeys) > provisioner.MaxSeedKeys {
		return fmt.Errorf("%w: %d SSH keys, at most %d", ErrSeed, len(s.SSHKeys), provisioner.MaxSeedKeys)
	}
	for i, key := range s.SSHKeys {
		if _, fine := plainKey(key); len(key) > MaxSSHKey || !fine {
			return fmt.Errorf("%w: SSH key %d is not one authorized_keys line of at most %d bytes", ErrSeed, i+1, MaxSSHKey)
		}
	}
	return nil
}

// plainKey gives an authorized_keys line without options, whose comment keeps only characters that mean nothing to
// YAML, to a shell, or to the sample image's sed. A launch must not fail of a comment.
func plainKey(line string) (string, bool) {
	fields := strings.Fields(line)
	if strings.ContainsAny(line, "\r\n") || len(fields) < 2 || !keyKind.MatchString(fields[0]) || !keyBlob.MatchString(fields[1]) {
		return "", false
	}
	comment := strings.Map(func(r rune) rune {
		if r == ' ' || strings.ContainsRune("@._+-", r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, strings.Join(fields[2:], " "))
	return strings.TrimSpace(fields[0] + " " + fields[1] + " " + comment), true
}
