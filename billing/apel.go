package billing

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

// What an APEL message may be: the messaging service takes less than 1 MB, the server's own unloader packs at most 1,000 records.
const (
	apelMostBytes   = 1_000_000
	apelMostRecords = 1_000
	apelHead        = "APEL-cloud-message: v0.4\n"
)

// VMUse is one virtual machine as it was measured up to the end of a UTC month, or up to now.
type VMUse struct {
	NodeID       uuid.UUID
	Machine      string // cluster and node
	Site         string // as GOCDB names it
	Service      string // the pool
	PersonID     uuid.UUID
	GroupID      uuid.UUID // the organization
	Group        string
	Began        time.Time // its first gate
	Ended        time.Time // its last proof of life, where it is gone for good by then; zero: not
	Until        time.Time // up to when it is measured
	Running      bool      // then
	Wall         int64     // seconds between a gate and a last proof of life, since it began
	VCPUs        int
	MemoryMiB    int
	DiskGiB      int
	ImageDigest  string
	CloudVersion string
}

// ApelWriter writes cloud usage records, message version 0.4, as APEL's loader reads them: a zip of messages, each a text file that SSM sends as it is. Durations
// are of a machine since it began, so a month that is sent again replaces itself, and the server subtracts the month before.
type ApelWriter struct {
	zip      *zip.Writer
	period   Period
	made     time.Time
	message  bytes.Buffer
	records  int
	messages int
	name     string
}

// UTCMonth gives a month in UTC, by which APEL counts.
func (m Month) UTCMonth() Period { return m.Period(time.UTC) }

// NewApelWriter begins the messages of a UTC month; name is the beginning of their file names. made is when it is measured.
func NewApelWriter(w io.Writer, m Month, made time.Time, name string) *ApelWriter {
	return &ApelWriter{zip: zip.NewWriter(w), period: m.UTCMonth(), made: made, name: name}
}

// measured is when a record of the month is said to be made: the server files it in that month.
func (a *ApelWriter) measured() time.Time {
	if last := a.period.To.Add(-time.Second); a.made.After(last) {
		return last
	}
	return a.made
}

// VM writes the record of one machine.
func (a *ApelWriter) VM(v VMUse) error {
	record := v.record(a.measured())
	if len(apelHead)+len(record) >= apelMostBytes {
		return fmt.Errorf("the record of node %s has %d bytes, a message less than %d", v.NodeID, len(record), apelMostBytes)
	}
	const between = "%%\n"
	if a.records == apelMostRecords || a.message.Len()+len(between)+len(record) >= apelMostBytes {
		if err := a.flush(); err != nil {
			return err
		}
	}
	if a.records == 0 {
		a.message.WriteString(apelHead)
	} else {
		a.message.WriteString(between)
	}
	a.message.WriteString(record)
	a.records++
	return nil
}

func (a *ApelWriter) flush() error {
	if a.records == 0 {
		return nil
	}
	a.messages++
	f, err := a.zip.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%s-%04d", a.name, a.messages), Method: zip.Deflate, Modified: a.made.UTC()})
	if err == nil {
		_, err = f.Write(a.message.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write message %d: %w", a.messages, err)
	}
	a.message.Reset()
	a.records = 0
	return nil
}

// Finish writes the last message and ends the file. A month without machines has no message.
func (a *ApelWriter) Finish() error {
	if err := a.flush(); err != nil {
		return err
	}
	if a.messages == 0 {
		if err := a.zip.SetComment("No virtual machine is to be reported for this month."); err != nil {
			return err
		}
	}
	return a.zip.Close()
}

// record writes the lines of a machine. Only keys that the loader knows are in it: any other rejects the record.
func (v VMUse) record(measured time.Time) string {
	var b strings.Builder
	line := func(key, value string) { b.WriteString(key + ": " + value + "\n") }
	number := func(key string, n int64) { line(key, strconv.FormatInt(n, 10)) }
	wall := max(v.Wall, 1) // a duration of zero is taken for none
	status, end, until := "stopped", "NULL", measured
	switch {
	case !v.Ended.IsZero():
		status, end, until = "completed", strconv.FormatInt(v.Ended.Unix(), 10), v.Ended
	case v.Running:
		status, until = "started", v.Until
	}
	group := apelText(v.Group)
	if group == "" {
		group = v.GroupID.String()
	}
	number("RecordCreateTime", measured.Unix())
	line("VMUUID", v.NodeID.String())
	line("SiteName", ApelSite(v.Site))
	line("CloudComputeService", apelOr(v.Service, "pool"))
	line("MachineName", apelOr(v.Machine, v.NodeID.String()))
	line("LocalUserId", v.PersonID.String())
	line("LocalGroupId", v.GroupID.String())
	line("GlobalUserName", "withheld")
	line("FQAN", strings.TrimLeft(strings.ReplaceAll(group, ";", ","), "/"))
	line("Status", status)
	number("StartTime", v.Began.Unix())
	line("EndTime", end)
	number("SuspendDuration", max(until.Unix()-v.Began.Unix()-v.Wall, 0))
	number("WallDuration", wall)
	number("CpuDuration", wall*int64(v.VCPUs))
	number("CpuCount", int64(v.VCPUs))
	number("PublicIPCount", 0)
	number("Memory", int64(v.MemoryMiB))
	number("Disk", int64(v.DiskGiB))
	line("ImageId", apelOr(v.ImageDigest, "unknown"))
	line("CloudType", apelOr("volary/"+v.CloudVersion+" (KVM)", "volary (KVM)"))
	return b.String()
}

// apelOr is a value as APEL takes it, or what stands for it where nothing is left.
func apelOr(s, other string) string {
	if s = apelText(s); s == "" {
		return other
	}
	return s
}

// apelText keeps of a text what the messages carry, which is ASCII in one line: letters lose their marks, all else goes. What the loader
// takes for nothing ("None", "null") is nothing.
func apelText(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			b.WriteByte(' ')
		case r == 'ß':
			b.WriteString("ss")
		case r < unicode.MaxASCII:
			b.WriteRune(r)
		}
	}
	s = strings.Join(strings.Fields(b.String()), " ")
	if len(s) > 255 {
		s = strings.TrimSpace(s[:255])
	}
	switch strings.ToLower(s) {
	case "none", "null":
		return ""
	}
	return s
}

// ApelSite makes of a name one that GOCDB could have: letters, digits, dots, hyphens and underscores.
func ApelSite(name string) string {
	site := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		default:
			return '-'
		}
	}, apelText(name))
	if site = strings.Trim(site, "-."); site == "" {
		return "SITE"
	}
	return site
}
