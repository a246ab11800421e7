package webtest

import (
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"volary.dev/provisioner/refusal"
	"volary.dev/web/layout"
	"volary.dev/web/ui"
)

// Sample is one page with sample props. Name is a file name without extension.
type Sample struct {
	Name string
	Page templ.Component
}

// Gallery is every page, in the order of the route table.
func Gallery() []Sample {
	var all []Sample
	all = append(all, publicSamples()...)
	all = append(all, marketSamples()...)
	all = append(all, requestSamples()...)
	all = append(all, imageSamples()...)
	all = append(all, uploadSamples()...)
	all = append(all, modelSamples()...)
	all = append(all, sharedSamples()...)
	all = append(all, clusterSamples()...)
	all = append(all, usageSamples()...)
	all = append(all, salesSamples()...)
	all = append(all, staffSamples()...)
	all = append(all, certificateSamples()...)
	all = append(all, joiningSamples()...)
	all = append(all, accountSamples()...)
	all = append(all, memberSamples()...)
	all = append(all, platformSamples()...)
	return append(all, providerSamples()...)
}

// hour is one compute hour in milli-compute-seconds.
const hour = 3_600_000

const gib = 1 << 30

func now() time.Time { return time.Date(2026, 11, 22, 15, 20, 31, 0, time.UTC) }

func ago(d time.Duration) time.Time { return now().Add(-d) }

func id(n byte) uuid.UUID {
	return uuid.UUID{0x01, 0x9a, 0xb0, 0x11, 0x22, 0x33, 0x74, 0x55, 0x86, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, n}
}

func digest(n byte) string {
	const hex = "0123456789abcdef"
	b := make([]byte, 64)
	for i := range b {
		b[i] = hex[(i*7+int(n)*3+i*i)%16]
	}
	return string(b)
}

func orgLayout() layout.Props {
	return layout.Props{
		Area: layout.AreaOrg, Person: &layout.Person{Name: "Ada Brandt", Email: "ada@heliophysics.example"},
		Organization: "Heliophysics", Provider: "", Choices: []layout.Choice{{Label: "Northern Compute", Value: "provider:1"}},
		Now: now(), Version: "v0.1.0",
	}
}

// managerLayout is that of somebody for whom requests wait.
func managerLayout() layout.Props {
	l := orgLayout()
	l.Counts = map[string]int{layout.SectionRequests: 2}
	return l
}

func simulatedLayout() layout.Props {
	l := orgLayout()
	l.Simulated = true
	l.Notice = "Cluster trial-1 was launched."
	return l
}

func providerLayout() layout.Props {
	return layout.Props{
		Area: layout.AreaProvider, Person: &layout.Person{Name: "Noor Vermeer", Email: "noor@northern.example"},
		Provider: "Northern Compute", Now: now(), Version: "v0.1.0",
	}
}

func refused(fields map[string]string) ui.Form { return ui.Form{Refusal: refusal.Invalid(fields)} }
