//go:build libvirt

package libvirt

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/lab"
	"volary.dev/provisioner/waittest"
)

// TestTLS reaches a host as in production: by certificates of its own authority, each side proving itself to the other.
func TestTLS(t *testing.T) {
	l := startLab(t, 1)
	host := l.Hosts()[0]
	ours, theirs := newAuthority(t), newAuthority(t)
	serveTLS(t, l, ours)
	address := provisioner.HostAddress{Scheme: provisioner.SchemeTLS, Name: host.Underlay.String()}

	d := dialAddress(t, Options{PKIPath: ours.client(t)}, address)
	defer d.Close()
	if facts, err := d.Facts(t.Context()); err != nil || facts.Hostname != host.Name || !facts.HookAnswers {
		log, _ := os.ReadFile(filepath.Join(l.HostDir(0), "log", "libvirtd.log"))
		t.Errorf("over TLS: %+v, %v\n%s", facts, err, log)
	}
	mixed := theirs.client(t)
	ours.write(t, filepath.Join(mixed, "cacert.pem"), "CERTIFICATE", ours.der)
	for what, c := range map[string]struct {
		pki  string
		want error
	}{
		"trusts another authority":               {theirs.client(t), provisioner.ErrHostUntrusted},
		"has a certificate of another authority": {mixed, provisioner.ErrHostAuthentication},
	} {
		stranger := dialAddress(t, Options{PKIPath: c.pki}, address)
		_, err := stranger.Observe(t.Context())
		if !errors.Is(err, provisioner.ErrHostUnreachable) || !errors.Is(err, c.want) || strings.Contains(err.Error(), host.Underlay.String()) {
			t.Errorf("a client that %s: %v (%s), want %v", what, err, provisioner.Cause(err), c.want)
		}
		stranger.Close()
	}
}

// serveTLS gives the host a certificate and restarts its libvirtd with it.
func serveTLS(t *testing.T, l *lab.Lab, a *authority) {
	t.Helper()
	etc := filepath.Join(l.HostDir(0), "etc")
	pki := filepath.Join(etc, "pki")
	if err := os.MkdirAll(pki, 0o755); err != nil {
		t.Fatal(err)
	}
	a.write(t, filepath.Join(pki, "cacert.pem"), "CERTIFICATE", a.der)
	a.issue(t, filepath.Join(pki, "server"), x509.Certificate{
		Subject: pkix.Name{CommonName: l.Hosts()[0].Name}, IPAddresses: []net.IP{l.Hosts()[0].Underlay.AsSlice()},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	file := filepath.Join(etc, "libvirtd.conf")
	conf, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	conf = bytes.Replace(conf, []byte("listen_tls = 0"), []byte("listen_tls = 1\nca_file = \"/etc/libvirt/pki/cacert.pem\"\n"+
		"cert_file = \"/etc/libvirt/pki/servercert.pem\"\nkey_file = \"/etc/libvirt/pki/serverkey.pem\""), 1)
	if err := os.WriteFile(file, conf, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := l.RestartDaemon(t.Context(), 0); err != nil {
		log, _ := os.ReadFile(filepath.Join(l.HostDir(0), "log", "libvirtd.log"))
		t.Fatalf("%v\n%s", err, log)
	}
	awaitPort(t, net.JoinHostPort(l.Hosts()[0].Underlay.String(), "16514"))
}

// awaitPort waits until somebody listens: libvirtd opens its port for TLS after the one that the lab waits for.
func awaitPort(t *testing.T, address string) {
	t.Helper()
	waittest.Until(t, "somebody to listen at "+address, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// authority signs certificates.
type authority struct {
	key  *ecdsa.PrivateKey
	der  []byte
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a provider"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}}
	if a.der, err = x509.CreateCertificate(rand.Reader, a.cert, a.cert, key.Public(), key); err != nil {
		t.Fatal(err)
	}
	return a
}

// client makes the folder of a client's files.
func (a *authority) client(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	a.write(t, filepath.Join(dir, "cacert.pem"), "CERTIFICATE", a.der)
	a.issue(t, filepath.Join(dir, "client"), x509.Certificate{
		Subject: pkix.Name{CommonName: "a worker"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return dir
}

// issue writes PREFIXcert.pem and PREFIXkey.pem.
func (a *authority) issue(t *testing.T, prefix string, c x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(2), a.cert.NotBefore, a.cert.NotAfter
	// libvirt 9.0 asks for key encipherment, whatever the kind of key.
	c.KeyUsage, c.BasicConstraintsValid = x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment, true
	der, err := x509.CreateCertificate(rand.Reader, &c, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, prefix+"cert.pem", "CERTIFICATE", der)
	a.write(t, prefix+"key.pem", "PRIVATE KEY", keyDER)
}

func (a *authority) write(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
