package certificate

import (
	"time"

	"volary.dev/provisioner"
)

// Suite is the version of the acceptance checks that a test was made with. It rises when a check is added or proves something else.
const Suite = "1"

// Test is all that a certificate says, but for who signs it.
type Test struct {
	ID          string        `json:"id"`
	Suite       string        `json:"suite"`
	Model       string        `json:"model"` // the group's names for both
	Version     string        `json:"version"`
	Document    string        `json:"document"` // digest
	Images      []Image       `json:"images"`
	Checks      []Check       `json:"checks"`
	NotObserved []NotObserved `json:"not_observed"`
	Machine     Machine       `json:"machine"`
	Nodes       []Nodes       `json:"nodes"`
	Hosts       []Host        `json:"hosts"`
	Provider    Provider      `json:"provider"`
	Pool        string        `json:"pool"`
	Began       time.Time     `json:"began"`
	Ended       time.Time     `json:"ended"`
}

// Image is one disk that nodes of the test had. An unknown digest is empty.
type Image struct {
	Name      string   `json:"name"`
	Groups    []string `json:"groups"`
	Uploaded  string   `json:"uploaded"`  // of the file as it came; of a disk in an archive that is the archive
	Canonical string   `json:"canonical"` // of the qcow2 that was made of it
	Guest     string   `json:"guest"`     // of what a guest reads of it
}

// Result is what became of a check.
type Result string

// The results of a check.
const (
	ResultPassed      Result = "passed"
	ResultFailed      Result = "failed"
	ResultNotObserved Result = "not observed"
)

// Check is one row of the report.
type Check struct {
	Name    string  `json:"name"`
	Title   string  `json:"title"`
	Result  Result  `json:"result"`
	Channel string  `json:"channel,omitempty"` // by which it was seen, where the suite says
	Seconds float64 `json:"seconds,omitempty"`
}

// NotObserved is what nobody may take for shown.
type NotObserved struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Machine is what every node of the pool is.
type Machine struct {
	Type string `json:"type"` // "pc-q35-7.2"
	CPU  string `json:"cpu"`  // the baseline; empty: each host's own
}

// Nodes are how many of a group ran.
type Nodes struct {
	Group string `json:"group"`
	Count int    `json:"count"`
}

// Host is one that carried nodes of the test, without its name.
type Host struct {
	Processor    string `json:"processor"`  // what its processors are, as its last check found them
	Processors   int    `json:"processors"` // logical ones
	MemoryMiB    int    `json:"memory_mib"`
	Acceleration string `json:"acceleration"` // "kvm", "tcg"
	Nodes        int    `json:"nodes"`
}

// Provider is whose pool it was.
type Provider struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// mostWhy is how many characters say why something was not observed.
const mostWhy = 500

// Of takes the rows of a report into t. It is the one place that knows how a report is made. Evidence of rows is left out, but for why
// nothing was seen: that of the others has what guests said of themselves.
func (t *Test) Of(r provisioner.Report) {
	t.Suite = Suite
	for _, row := range r.Checks {
		c := Check{Name: row.Name, Title: row.Title, Result: ResultNotObserved, Channel: string(row.Channel), Seconds: row.Seconds}
		switch {
		case row.Result == provisioner.ResultPassed && row.Channel != "":
			c.Result = ResultPassed
		case row.Result == provisioner.ResultFailed:
			c.Result = ResultFailed
		default:
			c.Channel, c.Seconds = "", 0
			t.notObserved(row.Title, firstOf(row.Evidence, mostWhy))
		}
		t.Checks = append(t.Checks, c)
	}
}

func firstOf(s string, most int) string {
	if letters := []rune(s); len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return s
}

// Unknown lists the digests of images that are not known.
func (t *Test) Unknown() {
	for _, i := range t.Images {
		for _, d := range i.digests() {
			if d.hex == "" {
				t.notObserved("The "+d.kind.words()+" digest of the image "+i.Name, "It was not recorded when the image was made.")
			}
		}
	}
}

func (t *Test) notObserved(what, why string) {
	if why == "" {
		why = "It was not seen before the test ended."
	}
	t.NotObserved = append(t.NotObserved, NotObserved{What: what, Why: why})
}
