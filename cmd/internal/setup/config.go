package setup

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// mostQuotaGiB is 1 PiB.
const mostQuotaGiB = 1 << 20

// WebConfig configures cmd/web, the process that faces the internet.
type WebConfig struct {
	DatabaseURL     string `env:"DATABASE_URL,required,notEmpty" redact:"url"`
	Listen          string `env:"VOLARY_LISTEN" envDefault:"127.0.0.1:8080"`
	PublicURL       string `env:"VOLARY_PUBLIC_URL"` // as a browser sees us; empty: http:// and Listen
	Blobs           BlobConfig
	ScratchDir      string         `env:"VOLARY_SCRATCH_DIR"`                                   // for what is on its way to a bucket; empty: the system's temporary folder
	ConsoleSecret   string         `env:"VOLARY_CONSOLE_SECRET_FILE,required,notEmpty"`         // shared with the worker: at least 32 bytes
	MailRecipient   string         `env:"VOLARY_MAIL_RECIPIENT,required,notEmpty"`              // for whom secret links of mails are sealed: age1…
	WorkerURL       string         `env:"VOLARY_WORKER_URL" envDefault:"http://127.0.0.1:8081"` // for consoles
	TrustedProxies  []netip.Prefix `env:"VOLARY_TRUSTED_PROXIES"`                               // whose X-Forwarded-For is believed
	Connections     int            `env:"VOLARY_CONNECTIONS" envDefault:"4000"`                 // held at once
	ConnectionsEach int            `env:"VOLARY_CONNECTIONS_EACH" envDefault:"200"`             // of one address; trusted proxies are not bounded
	IdleHours       int            `env:"VOLARY_IDLE_HOURS" envDefault:"12"`                    // a session ends that long after its last use
	QuotaGiB        int            `env:"VOLARY_QUOTA_GIB" envDefault:"256"`                    // what an organization may keep that has no quota of its own
	Demo            bool           `env:"VOLARY_DEMO"`                                          // the sign-in page names the demo's people
	SimulatedHosts  bool           `env:"VOLARY_SIMULATED_HOSTS"`                               // a banner on every page
	MemoryStateDir  string         `env:"VOLARY_MEMORY_STATE_DIR"`                              // where the worker's simulated hosts look for their codes, for the lines that are pasted
	AllowPlainHosts bool           `env:"VOLARY_ALLOW_PLAIN_HOSTS"`                             // staff may add hosts by tcp and unix: one machine, and the lab
	UploadsChecked  bool           `env:"VOLARY_UPLOADS_CHECKED" envDefault:"true"`             // false: the worker cannot check uploads
	UploadsFetched  bool           `env:"VOLARY_FETCH" envDefault:"true"`                       // files are fetched from addresses
	LogLevel        slog.Level     `env:"VOLARY_LOG_LEVEL" envDefault:"info"`
}

// WorkerConfig configures cmd/worker, the only process that reaches hosts.
type WorkerConfig struct {
	DatabaseURL     string `env:"DATABASE_URL,required,notEmpty" redact:"url"`
	Listen          string `env:"VOLARY_LISTEN" envDefault:"127.0.0.1:8081"`    // consoles; only web may reach it
	ConsoleSecret   string `env:"VOLARY_CONSOLE_SECRET_FILE,required,notEmpty"` // shared with web: at least 32 bytes
	MailIdentity    string `env:"VOLARY_MAIL_IDENTITY_FILE,required,notEmpty"`  // opens them; web must not read it
	Blobs           BlobConfig
	ScratchDir      string     `env:"VOLARY_SCRATCH_DIR"`                                   // where images are checked; empty: the system's temporary folder
	Drivers         []string   `env:"VOLARY_DRIVERS" envDefault:"libvirt"`                  // libvirt, memory
	AllowPlainHosts bool       `env:"VOLARY_ALLOW_PLAIN_HOSTS"`                             // schemes tcp and unix: one machine, and the lab
	RoundSeconds    int        `env:"VOLARY_ROUND_SECONDS" envDefault:"5"`                  // between two observations of a host
	QuotaGiB        int        `env:"VOLARY_QUOTA_GIB" envDefault:"256"`                    // as web's
	Jobs            string     `env:"VOLARY_JOBS"`                                          // background jobs at a time, by kind: mail=4,verify=2; empty: defaults
	Fetch           bool       `env:"VOLARY_FETCH" envDefault:"true"`                       // files from addresses of the internet
	FetchRate       int        `env:"VOLARY_FETCH_MIB_PER_SECOND" envDefault:"50"`          // of all fetches of this worker together
	Name            string     `env:"VOLARY_WORKER_NAME"`                                   // in claims and logs; empty: host name and process id
	ProbeImage      string     `env:"VOLARY_PROBE_IMAGE"`                                   // the sample image, which checks of hosts boot; empty: checks fail
	PKIPath         string     `env:"VOLARY_PKI_PATH"`                                      // client certificate for tls hosts; empty: libvirt's own
	SSHUser         string     `env:"VOLARY_SSH_USER"`                                      // for ssh hosts; empty: the worker's own user
	SSHKeyFile      string     `env:"VOLARY_SSH_KEY_FILE"`                                  // for ssh hosts
	SSHKnownHosts   string     `env:"VOLARY_SSH_KNOWN_HOSTS"`                               // for ssh hosts; an unknown one is refused
	MemoryStateDir  string     `env:"VOLARY_MEMORY_STATE_DIR"`                              // where simulated hosts remember; empty: nowhere
	PublicURL       string     `env:"VOLARY_PUBLIC_URL" envDefault:"http://127.0.0.1:8080"` // of the portal: links in mails begin with it
	SMTPURL         string     `env:"VOLARY_SMTP_URL" redact:"url"`                         // smtp://user:password@host:587; empty: mails are kept in the outbox
	MailFrom        string     `env:"VOLARY_MAIL_FROM"`                                     // sender of mails; needed with VOLARY_SMTP_URL
	LogLevel        slog.Level `env:"VOLARY_LOG_LEVEL" envDefault:"info"`
}

// CommandConfig configures cmd/volary.
type CommandConfig struct {
	DatabaseURL string `env:"DATABASE_URL,required,notEmpty" redact:"url"`
	// for volary migrate: connections that all web, or all worker, processes together may hold
	WebConnections    int `env:"VOLARY_WEB_DATABASE_CONNECTIONS"`
	WorkerConnections int `env:"VOLARY_WORKER_DATABASE_CONNECTIONS"`
	// for volary mail show, which also needs DATABASE_URL
	MailIdentity string `env:"VOLARY_MAIL_IDENTITY_FILE"`
	PublicURL    string `env:"VOLARY_PUBLIC_URL" envDefault:"http://127.0.0.1:8080"`
}

// ReadWebConfig reads and validates the environment; the error names each variable that is wrong.
func ReadWebConfig() (WebConfig, error) {
	c, err := read[WebConfig]()
	if err != nil {
		return c, err
	}
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.Listen
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	return c, errors.Join(
		checkDatabaseURL(c.DatabaseURL), checkListen(c.Listen), c.Blobs.check(),
		checkHTTPURL("VOLARY_PUBLIC_URL", c.PublicURL), checkHTTPURL("VOLARY_WORKER_URL", c.WorkerURL),
		checkRange("VOLARY_CONNECTIONS", c.Connections, 10, 100_000), checkRange("VOLARY_CONNECTIONS_EACH", c.ConnectionsEach, 10, 100_000),
		checkRange("VOLARY_IDLE_HOURS", c.IdleHours, 1, 7*24), checkRange("VOLARY_QUOTA_GIB", c.QuotaGiB, 1, mostQuotaGiB),
	)
}

// ReadWorkerConfig reads and validates the environment; the error names each variable that is wrong.
func ReadWorkerConfig() (WorkerConfig, error) {
	c, err := read[WorkerConfig]()
	if err != nil {
		return c, err
	}
	if c.ScratchDir == "" {
		c.ScratchDir = os.TempDir()
	}
	if c.Name == "" {
		host, _ := os.Hostname()
		c.Name = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	return c, errors.Join(
		checkDatabaseURL(c.DatabaseURL), checkListen(c.Listen), c.Blobs.check(), checkDrivers(c.Drivers),
		checkHTTPURL("VOLARY_PUBLIC_URL", c.PublicURL), checkMail(c.SMTPURL, c.MailFrom),
		checkRange("VOLARY_ROUND_SECONDS", c.RoundSeconds, 1, 300), checkRange("VOLARY_QUOTA_GIB", c.QuotaGiB, 1, mostQuotaGiB),
		checkRange("VOLARY_FETCH_MIB_PER_SECOND", c.FetchRate, 1, 10_000),
	)
}

// ReadCommandConfig reads and validates the environment of cmd/volary.
func ReadCommandConfig() (CommandConfig, error) {
	c, err := read[CommandConfig]()
	if err != nil {
		return c, err
	}
	c.WebConnections = cmp.Or(c.WebConnections, 4*WebConnections)
	c.WorkerConnections = cmp.Or(c.WorkerConnections, 4*WorkerConnections)
	return c, errors.Join(
		checkDatabaseURL(c.DatabaseURL),
		checkRange("VOLARY_WEB_DATABASE_CONNECTIONS", c.WebConnections, WebConnections, 10_000),
		checkRange("VOLARY_WORKER_DATABASE_CONNECTIONS", c.WorkerConnections, WorkerConnections, 10_000),
	)
}

func read[T any]() (T, error) {
	c, err := env.ParseAs[T]()
	if err != nil {
		return c, fmt.Errorf("configuration: %w", err)
	}
	return c, nil
}

func checkDatabaseURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		// The value is left out: a malformed URL may still carry a password.
		return errors.New("configuration: DATABASE_URL is not of the form postgres://user:password@host:port/name")
	}
	return nil
}

func checkListen(s string) error {
	if _, port, err := net.SplitHostPort(s); err != nil || port == "" {
		return fmt.Errorf("configuration: VOLARY_LISTEN %q is not of the form address:port", s)
	}
	return nil
}

func checkHTTPURL(name, s string) error {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("configuration: %s %q is not of the form https://name", name, s)
	}
	return nil
}

// checkMail wants a sender where there is a server; what else may be wrong with either, the worker says at its start.
func checkMail(server, from string) error {
	if (server == "") != (from == "") {
		return errors.New("configuration: VOLARY_SMTP_URL and VOLARY_MAIL_FROM are given together, or neither: without them mails are kept in the outbox")
	}
	return nil
}

func checkRange(name string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("configuration: %s is %d, and has to be between %d and %d", name, n, least, most)
	}
	return nil
}

func checkDrivers(names []string) error {
	for _, n := range names {
		if n != "libvirt" && n != "memory" {
			return fmt.Errorf("configuration: VOLARY_DRIVERS names %q; there are libvirt and memory", n)
		}
	}
	return nil
}

// LogConfig writes one line with every setting of a configuration struct, secrets left out.
func LogConfig(log *slog.Logger, config any) {
	log.Info("configuration", settings(reflect.ValueOf(config))...)
}

func settings(v reflect.Value) (attrs []any) {
	t := v.Type()
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("env") == "" {
			attrs = append(attrs, settings(v.Field(i))...) // a group of them
			continue
		}
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("env"), ",")
		value := v.Field(i).Interface()
		if t.Field(i).Tag.Get("redact") == "url" {
			value = redactURL(v.Field(i).String())
		}
		attrs = append(attrs, slog.Any(name, value))
	}
	return attrs
}

// redactURL leaves out the password and every parameter, since a password may stand among those too.
func redactURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "unreadable"
	}
	u.RawQuery = ""
	return u.Redacted()
}
