package certificate_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/certificate"
)

func digest(letter string) string { return strings.Repeat(letter, 64) }

var began = time.Unix(1_800_000_000, 0).UTC()

const north, south = "0190-north", "0190-south"

func passed() certificate.Test {
	t := certificate.Test{
		ID: "0190-test", Model: "mpi <lab>", Version: "1", Document: digest("d"),
		Images: []certificate.Image{
			{Name: "debian", Groups: []string{"head", "compute"}, Uploaded: digest("1"), Canonical: digest("2"), Guest: digest("3")},
			{Name: "older", Groups: []string{"gpu"}, Uploaded: digest("4"), Canonical: digest("5")},
		},
		Machine: certificate.Machine{Type: "pc-q35-7.2"}, Provider: certificate.Provider{ID: north, Name: "North"}, Pool: "lab-a", Began: began, Ended: began.Add(time.Minute),
	}
	t.Of(provisioner.Report{Checks: []provisioner.ReportCheck{
		{Name: "boots", Title: "Every node boots", Result: provisioner.ResultPassed, Channel: provisioner.ChannelHost, Seconds: 3, Evidence: "machine id secret-of-a-guest"},
		{Name: "head", Title: "Every compute node reaches the head", Result: provisioner.NotObserved, Evidence: "No node is there for it."},
		{Name: "unseen", Title: "A row that nothing saw", Result: provisioner.ResultPassed},
	}})
	t.Unknown()
	return t
}

type keys struct {
	provider, platform certificate.Private
	ring               certificate.Ring
}

func newKeys(t testing.TB) keys {
	t.Helper()
	var k keys
	for _, p := range []*certificate.Private{&k.provider, &k.platform} {
		key, err := certificate.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		*p = key
	}
	k.ring.Keys = []certificate.Key{
		{ID: certificate.KeyID(k.provider.Public()), Public: k.provider.Public(), Of: certificate.Provider{ID: north, Name: "North"}, Since: began},
		{ID: certificate.KeyID(k.platform.Public()), Public: k.platform.Public(), Since: began},
	}
	return k
}

func (k keys) sign(t testing.TB) []byte {
	t.Helper()
	b, err := certificate.Sign(t.Context(), passed(), began.Add(time.Hour), k.provider, k.platform)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func states(v certificate.Verified) string {
	var s []string
	for _, x := range v.Signatures {
		s = append(s, string(x.State))
	}
	return strings.Join(s, " ")
}

func TestSignAndVerify(t *testing.T) {
	k := newKeys(t)
	b := k.sign(t)
	v, err := certificate.Verify(b, k.ring)
	if err != nil || !v.Valid() || states(v) != "valid valid" {
		t.Fatalf("%s, %v", states(v), err)
	}
	got := v.Statement
	if got.Predicate.Test.Model != "mpi <lab>" || len(got.Subject) != 6 || got.Subject[3].Name != "image/1/guest" || got.Subject[3].Digest["sha256"] != digest("3") || got.Subject[3].Annotations["image"] != "debian" {
		t.Errorf("%+v", got)
	}
	// What was not seen is listed, and nothing that a guest wrote is in it.
	if n := got.Predicate.Test.NotObserved; len(n) != 3 || n[0].Why != "No node is there for it." || !strings.Contains(n[2].What, "guest-visible digest of the image older") {
		t.Errorf("not observed: %+v", n)
	}
	if c := got.Predicate.Test.Checks; c[0].Result != certificate.ResultPassed || c[0].Channel != "host" || c[1].Result != certificate.ResultNotObserved || c[2].Result != certificate.ResultNotObserved {
		t.Errorf("checks: %+v", c)
	}
	if payload := payloadOf(t, b); bytes.Contains(payload, []byte("secret-of-a-guest")) {
		t.Error("what a guest wrote is in the certificate")
	}
}

func payloadOf(t testing.TB, envelope []byte) []byte {
	t.Helper()
	var e struct{ Payload []byte }
	if err := json.Unmarshal(envelope, &e); err != nil {
		t.Fatal(err)
	}
	return e.Payload
}

// Each byte of the payload and of the signatures counts: none can be another.
func TestVerifyRefusesEachChangedByte(t *testing.T) {
	k := newKeys(t)
	b := k.sign(t)
	var e struct {
		PayloadType string
		Payload     []byte
		Signatures  []struct {
			KeyID string
			Sig   []byte
		}
	}
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	valid := func() bool {
		changed, err := json.Marshal(map[string]any{"payloadType": e.PayloadType, "payload": e.Payload, "signatures": []map[string]any{
			{"keyid": e.Signatures[0].KeyID, "sig": e.Signatures[0].Sig}, {"keyid": e.Signatures[1].KeyID, "sig": e.Signatures[1].Sig},
		}})
		if err != nil {
			t.Fatal(err)
		}
		v, err := certificate.Verify(changed, k.ring)
		return err == nil && v.Valid()
	}
	if !valid() {
		t.Fatal("the unchanged one is not valid")
	}
	for _, part := range [][]byte{e.Payload, e.Signatures[0].Sig, e.Signatures[1].Sig} {
		for i := range part {
			part[i] ^= 1
			if valid() {
				t.Fatalf("valid with byte %d changed: %s", i, part)
			}
			part[i] ^= 1
		}
	}
}

func TestSignatureStates(t *testing.T) {
	k := newKeys(t)
	b := k.sign(t)
	ring := func(change func(r []certificate.Key) []certificate.Key) certificate.Ring {
		return certificate.Ring{Keys: change(append([]certificate.Key(nil), k.ring.Keys...))}
	}
	revoked := &certificate.Revocation{At: began, Reason: "a disk was stolen"}
	for name, c := range map[string]struct {
		ring  certificate.Ring
		want  string
		valid bool
	}{
		"no keys":            {certificate.Ring{}, "unknown unknown", false},
		"the platform alone": {ring(func(r []certificate.Key) []certificate.Key { return r[1:] }), "unknown valid", true},
		"provider revoked":   {ring(func(r []certificate.Key) []certificate.Key { r[0].Revoked = revoked; return r }), "revoked valid", true},
		"both revoked": {
			ring(func(r []certificate.Key) []certificate.Key { r[0].Revoked, r[1].Revoked = revoked, revoked; return r }),
			"revoked revoked", false,
		},
		"retired":            {ring(func(r []certificate.Key) []certificate.Key { r[0].Retired = &began; return r }), "valid valid", true},
		"another provider's": {ring(func(r []certificate.Key) []certificate.Key { r[0].Of.ID = south; return r[:1] }), "foreign unknown", false},
	} {
		v, err := certificate.Verify(b, c.ring)
		if err != nil || states(v) != c.want || v.Valid() != c.valid {
			t.Errorf("%s: %q, valid %v, %v", name, states(v), v.Valid(), err)
		}
	}
}

// Who strips a signature is seen, and a key that the statement does not name signs nothing.
func TestStrippedAndAddedSignatures(t *testing.T) {
	k := newKeys(t)
	var e map[string]any
	if err := json.Unmarshal(k.sign(t), &e); err != nil {
		t.Fatal(err)
	}
	e["signatures"] = e["signatures"].([]any)[:1]
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := certificate.Verify(b, k.ring); err != nil || states(v) != "valid missing" || !v.Valid() {
		t.Errorf("%s, %v", states(v), err)
	}
	alone, err := certificate.Sign(t.Context(), passed(), began, k.platform)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := certificate.Verify(alone, k.ring); err != nil || states(v) != "valid" {
		t.Errorf("%s, %v", states(v), err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	k := newKeys(t)
	b := k.sign(t)
	payload := payloadOf(t, b)
	with := func(payload []byte, kind string) []byte {
		out, err := json.Marshal(map[string]any{"payloadType": kind, "payload": payload, "signatures": []map[string]any{{"keyid": "a", "sig": "aa=="}}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	kind := "application/vnd.in-toto+json"
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":          {nil, certificate.ErrEnvelope},
		"too large":        {bytes.Repeat([]byte(" "), 1<<20), certificate.ErrEnvelope},
		"another payload":  {with(payload, "text/plain"), certificate.ErrEnvelope},
		"no signature":     {[]byte(`{"payloadType":"` + kind + `","payload":"` + base64.StdEncoding.EncodeToString(payload) + `"}`), certificate.ErrEnvelope},
		"no base64":        {[]byte(`{"payloadType":"` + kind + `","payload":"!","signatures":[{"keyid":"a","sig":"aa=="}]}`), certificate.ErrEnvelope},
		"no JSON":          {with([]byte("{"), kind), certificate.ErrStatement},
		"other predicate":  {with(bytes.Replace(payload, []byte("acceptance/v1"), []byte("acceptance/v2"), 1), kind), certificate.ErrStatement},
		"another subject":  {with(bytes.Replace(payload, []byte(digest("3")), []byte(digest("7")), 1), kind), certificate.ErrStatement},
		"no digest":        {with(bytes.ReplaceAll(payload, []byte(digest("3")), []byte("7")), kind), certificate.ErrStatement},
		"a subject less":   {with(bytes.Replace(payload, []byte(`"subject":[`), []byte(`"subject":[],"x":[`), 1), kind), certificate.ErrStatement},
		"a row too many":   {with(bytes.Replace(payload, []byte(`"hosts":null`), []byte(`"hosts":[`+strings.Repeat("{},", 600)+`{}]`), 1), kind), certificate.ErrStatement},
		"the right though": {with(payload, kind), nil},
	} {
		if _, err := certificate.Verify(c.b, k.ring); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRing(t *testing.T) {
	k := newKeys(t)
	k.ring.Keys[0].Revoked = &certificate.Revocation{At: began, Reason: "a disk was stolen"}
	b, err := k.ring.Write()
	if err != nil {
		t.Fatal(err)
	}
	read, err := certificate.ReadRing(b)
	if err != nil || len(read.Keys) != 2 || read.Keys[0].Revoked == nil || read.Keys[0].Platform() || !read.Keys[1].Platform() {
		t.Fatalf("%+v, %v", read, err)
	}
	twice := k.ring
	twice.Keys = append(twice.Keys, k.ring.Keys[0])
	double, err := twice.Write()
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string][]byte{
		"nothing": nil, "another form": []byte(`{"_type":"x","keys":[]}`), "another key's id": bytes.Replace(b, []byte(k.ring.Keys[0].ID[:8]), []byte("00000000"), 1),
		"twice": double, "too large": bytes.Repeat([]byte(" "), 9<<20),
	} {
		if _, err := certificate.ReadRing(wrong); !errors.Is(err, certificate.ErrKeys) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecrets(t *testing.T) {
	k := newKeys(t)
	same, err := certificate.ParseSecret(k.provider.Secret())
	if err != nil || !bytes.Equal(same.Public(), k.provider.Public()) {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", "hunter2", base64.StdEncoding.EncodeToString([]byte("hunter2"))} {
		if _, err := certificate.ParseSecret(wrong); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestCompare(t *testing.T) {
	c := passed()
	only := c
	only.Images = c.Images[:1]
	for name, x := range map[string]struct {
		got  certificate.Finding
		want certificate.Outcome
		says []string
	}{
		"document":          {c.CompareDocument("c.json", digest("d")), certificate.Same, nil},
		"another document":  {c.CompareDocument("c.json", digest("e")), certificate.Differs, []string{digest("d"), digest("e")}},
		"guest":             {c.CompareImage(certificate.File{Name: "a", Digest: digest("9"), Guest: digest("3")}), certificate.Same, []string{"debian"}},
		"uploaded":          {c.CompareImage(certificate.File{Name: "a", Digest: digest("4"), Why: "x"}), certificate.Same, []string{"older"}},
		"canonical":         {c.CompareImage(certificate.File{Name: "a", Digest: digest("5"), Why: "x"}), certificate.Same, []string{"older"}},
		"another":           {only.CompareImage(certificate.File{Name: "a", Digest: digest("9"), Guest: digest("8")}), certificate.Differs, []string{digest("3"), digest("8")}},
		"not computed":      {only.CompareImage(certificate.File{Name: "a", Digest: digest("9"), Why: "convert it"}), certificate.Unchecked, []string{"convert it"}},
		"perhaps the older": {c.CompareImage(certificate.File{Name: "a", Digest: digest("9"), Guest: digest("8")}), certificate.Unchecked, []string{"unknown"}},
		"no images":         {certificate.Test{}.CompareImage(certificate.File{Name: "a", Digest: digest("9")}), certificate.Differs, nil},
	} {
		if x.got.Outcome != x.want {
			t.Errorf("%s: %+v", name, x.got)
		}
		for _, s := range x.says {
			if !strings.Contains(x.got.Sentence, s) {
				t.Errorf("%s says not %s: %s", name, s, x.got.Sentence)
			}
		}
	}
}

// What is read of a stranger's file ends, and is never valid by a key that did not sign it.
func FuzzVerify(f *testing.F) {
	k := newKeys(f)
	b := k.sign(f)
	f.Add(b, []byte(`{"_type":"https://volary.dev/certificates/keys/v1","keys":[]}`))
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"","sig":""}]}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, envelope, ring []byte) {
		if r, err := certificate.ReadRing(ring); err == nil {
			_, _ = certificate.Verify(envelope, r)
		}
		if v, err := certificate.Verify(envelope, k.ring); err == nil && v.Valid() && !bytes.Equal(payloadOf(t, envelope), payloadOf(t, b)) {
			t.Fatalf("valid: %s", envelope)
		}
	})
}
