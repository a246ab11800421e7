package provisioner_test

import (
	"testing"

	"volary.dev/provisioner"
)

func TestReportPassed(t *testing.T) {
	passed := provisioner.ReportCheck{Result: provisioner.ResultPassed, Channel: provisioner.ChannelHost}
	pending := provisioner.ReportCheck{Result: provisioner.ResultPending}
	unseen := provisioner.ReportCheck{Result: provisioner.NotObserved}
	for _, c := range []struct {
		name   string
		checks []provisioner.ReportCheck
		want   bool
	}{
		{"no check proves nothing", nil, false},
		{"all passed", []provisioner.ReportCheck{passed, passed}, true},
		{"one was not observed", []provisioner.ReportCheck{passed, unseen}, true},
		{"none was observed", []provisioner.ReportCheck{unseen}, false},
		{"one failed, one was not observed", []provisioner.ReportCheck{passed, {Result: provisioner.ResultFailed}, unseen}, false},
		{"one passed that no channel saw", []provisioner.ReportCheck{passed, {Result: provisioner.ResultPassed}}, false},
		{"one pending", []provisioner.ReportCheck{passed, pending}, false},
	} {
		if got := (provisioner.Report{Checks: c.checks}).Passed(); got != c.want {
			t.Errorf("%s: Passed() = %v", c.name, got)
		}
	}
}
