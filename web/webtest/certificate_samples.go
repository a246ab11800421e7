package webtest

import (
	"time"

	"volary.dev/web/layout"
	"volary.dev/web/platform"
	"volary.dev/web/provider"
	"volary.dev/web/public"
	"volary.dev/web/ui"
)

func certificateSamples() []Sample {
	keys := func(base string) ui.CertificateKeysProps {
		return ui.CertificateKeysProps{Base: base, Now: now(), Zone: time.UTC, Keys: []ui.CertificateKeyRow{
			{ID: id(70).String(), Fingerprint: digest(7), State: "signs", Since: ago(time.Hour)},
			{ID: id(71).String(), Fingerprint: digest(8), State: "retired", Since: ago(900 * time.Hour), Ended: ago(time.Hour)},
			{ID: id(72).String(), Fingerprint: digest(9), State: "revoked", Since: ago(5000 * time.Hour), Ended: ago(900 * time.Hour), Reason: "A disk of the machine that holds the identity was lost on its way to be destroyed."},
		}}
	}
	wrong := keys("/provider/certificates")
	wrong.Key, wrong.Reason, wrong.Form = id(70).String(), "lost", refused(map[string]string{"reason": "The reason has 4 characters; between 5 and 500 are taken."})
	revoked := certificate()
	revoked.Valid, revoked.NotObserved = false, nil
	for i := range revoked.Signatures {
		revoked.Signatures[i].State, revoked.Signatures[i].At, revoked.Signatures[i].Reason = "revoked", ago(time.Hour), "A disk of the machine that holds the identity was lost."
	}
	return []Sample{
		{"certificate", public.CertificateShow(certificate())},
		{"anchors", public.AnchorList(anchors(2))},
		{"anchors-empty", public.AnchorList(anchors(0))},
		{"certificate-revoked", public.CertificateShow(revoked)},
		{"provider-certificates", provider.CertificateList(provider.CertificateListProps{Layout: providerLayout(), Takes: "own", Keys: keys("/provider/certificates")})},
		{"provider-certificates-refused", provider.CertificateList(provider.CertificateListProps{Layout: providerLayout(), Takes: "none", Keys: wrong})},
		{"provider-certificates-empty", provider.CertificateList(provider.CertificateListProps{Layout: providerLayout(), Takes: "none", Keys: ui.CertificateKeysProps{Base: "/provider/certificates"}})},
		{"platform-certificates", platform.CertificateList(platform.CertificateListProps{Layout: platformLayout(), Keys: keys("/platform/certificates")})},
	}
}

func certificate() public.CertificateShowProps {
	return public.CertificateShowProps{
		Layout: layout.Props{Area: layout.AreaPublic, Now: now(), Version: "v0.1.0"}, Address: "3hG7kQ2vXbN8pR5tLmYcZdWfJsAeUoIq3hG7kQ2vXbN", Model: "slurm-lab", Version: "2", Valid: true,
		Provider: "Northern Compute", Pool: "lab-a", Machine: "pc-q35-7.2", Began: ago(49 * time.Hour), Ended: ago(49*time.Hour - 48*time.Second), Document: digest(9), Suite: "1",
		Images: []public.CertifiedImage{
			{Name: "debian-12-slurm.qcow2", Groups: "head, compute", Uploaded: digest(1), Canonical: digest(2), Guest: digest(3)},
			{Name: "rocky-9-mpi.qcow2", Groups: "gpu", Uploaded: digest(4), Canonical: digest(5)},
		},
		Checks: []public.CertifiedCheck{
			{Title: "Every node boots", Result: "passed", Channel: "host", Took: 1900 * time.Millisecond},
			{Title: "Every node has an identity of its own", Result: "passed", Channel: "console", Took: 5 * time.Second},
			{Title: "Every compute node reaches the head by name", Result: "not observed"},
		},
		NotObserved: []public.CertifiedLack{
			{What: "Every compute node reaches the head by name", Why: "The guest did not report."},
			{What: "The guest-visible digest of the image rocky-9-mpi.qcow2", Why: "It was not recorded when the image was made."},
		},
		Nodes: []public.CertifiedNodes{{Group: "head", Count: 1}, {Group: "compute", Count: 2}, {Group: "gpu", Count: 1}},
		Hosts: []public.CertifiedHost{{Processor: "AMD EPYC 7543 32-Core Processor", Acceleration: "kvm", Processors: 64, MemoryMiB: 262144, Nodes: 2}, {Acceleration: "tcg", Nodes: 2}},
		Signatures: []public.CertifiedSignature{
			{By: "Northern Compute", Key: digest(7), State: "revoked", At: ago(time.Hour), Reason: "A disk of the machine that holds the identity was lost."},
			{By: "the platform", Key: digest(8), State: "valid"},
		},
	}
}

func anchors(days int) public.AnchorListProps {
	p := public.AnchorListProps{Layout: layout.Props{Area: layout.AreaPublic, Now: now(), Version: "v0.1.0"}, Most: 400}
	for i := range days {
		p.Anchors = append(p.Anchors, public.Anchor{Day: now().AddDate(0, 0, -i), Journals: 12, SHA256: digest(byte(i))})
	}
	return p
}
