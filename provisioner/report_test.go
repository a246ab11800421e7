package provisioner_test

import (
	"testing"

	"volary.dev/provisioner"
)

func TestReportPassed(t *testing.T) {
	passed := provisioner.ReportCheck{State: provisioner.CheckPassed}
	pending := provisioner.ReportCheck{State: provisioner.CheckPending}
	for _, c := range []struct {
		name   string
		checks []provisioner.ReportCheck
		want   bool
	}{
		{"no check proves nothing", nil, false},
		{"all passed", []provisioner.ReportCheck{passed, passed}, true},
		{"one could not be made", []provisioner.ReportCheck{passed, {State: provisioner.CheckSkipped}}, true},
		{"none could be made", []provisioner.ReportCheck{{State: provisioner.CheckSkipped}}, false},
		{"one failed, one skipped", []provisioner.ReportCheck{passed, {State: provisioner.CheckFailed}, {State: provisioner.CheckSkipped}}, false},
		{"one pending", []provisioner.ReportCheck{passed, pending}, false},
	} {
		if got := (provisioner.Report{Checks: c.checks}).Passed(); got != c.want {
			t.Errorf("%s: Passed() = %v", c.name, got)
		}
	}
}
