package setup

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestReadWebConfig(t *testing.T) {
	valid := map[string]string{"DATABASE_URL": "postgres://u:secret@db:5432/volary", "VOLARY_BLOB_DIR": "/var/lib/volary", "VOLARY_CONSOLE_SECRET_FILE": "/etc/volary/console", "VOLARY_MAIL_RECIPIENT": "age1"}
	for _, c := range []struct {
		name, variable, value string
		wantError             string
	}{
		{"defaults", "VOLARY_LISTEN", "127.0.0.1:8080", ""},
		{"no secret", "VOLARY_CONSOLE_SECRET_FILE", "", "VOLARY_CONSOLE_SECRET_FILE"},
		{"nobody opens mails", "VOLARY_MAIL_RECIPIENT", "", "VOLARY_MAIL_RECIPIENT"},
		{"no database", "DATABASE_URL", "", "DATABASE_URL"},
		{"not a database URL", "DATABASE_URL", "mysql://u:secret@db", "postgres://user:password@host:port/name"},
		{"no port", "VOLARY_LISTEN", "127.0.0.1", "VOLARY_LISTEN"},
		{"no scheme", "VOLARY_PUBLIC_URL", "volary.example", "VOLARY_PUBLIC_URL"},
		{"proxies", "VOLARY_TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8", ""},
		{"no prefix", "VOLARY_TRUSTED_PROXIES", "everyone", "TrustedProxies"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for k, v := range valid {
				t.Setenv(k, v)
			}
			t.Setenv(c.variable, c.value)
			cfg, err := ReadWebConfig()
			if c.wantError == "" {
				if err != nil {
					t.Fatal(err)
				}
				if cfg.PublicURL != "http://127.0.0.1:8080" {
					t.Errorf("PublicURL = %q", cfg.PublicURL)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.wantError) {
				t.Fatalf("error %v does not name %s", err, c.wantError)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v shows the password", err)
			}
		})
	}
}

func TestReadWorkerConfigNamesEveryWrongValue(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://db/volary")
	t.Setenv("VOLARY_BLOB_DIR", "/tmp")
	t.Setenv("VOLARY_CONSOLE_SECRET_FILE", "/etc/volary/console")
	t.Setenv("VOLARY_MAIL_IDENTITY_FILE", "/etc/volary/mail-identity")
	t.Setenv("VOLARY_BLOB_BUCKET", "volary")
	t.Setenv("VOLARY_BLOB_ENDPOINT", "s3.example.org")
	t.Setenv("VOLARY_DRIVERS", "xen")
	t.Setenv("VOLARY_ROUND_SECONDS", "0")
	t.Setenv("VOLARY_FETCH_MIB_PER_SECOND", "0")
	_, err := ReadWorkerConfig()
	for _, want := range []string{"VOLARY_DRIVERS", "VOLARY_ROUND_SECONDS", "VOLARY_FETCH_MIB_PER_SECOND", "VOLARY_BLOB_CREDENTIALS_FILE", "VOLARY_BLOB_ENDPOINT"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}

func TestLogConfigLeavesOutSecrets(t *testing.T) {
	var out bytes.Buffer
	LogConfig(slog.New(slog.NewJSONHandler(&out, nil)), WebConfig{
		DatabaseURL: "postgres://u:secret@db/volary?sslpassword=secret", Listen: "127.0.0.1:8080",
	})
	if s := out.String(); strings.Contains(s, "secret") || !strings.Contains(s, "u:xxxxx@db/volary") || !strings.Contains(s, `"VOLARY_LISTEN":"127.0.0.1:8080"`) {
		t.Errorf("logged %s", s)
	}
}

func TestListenSaysThatThePortIsTaken(t *testing.T) {
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Listen(t.Context(), l.Addr().String()); err == nil || !strings.Contains(err.Error(), "another program listens at "+l.Addr().String()) {
		t.Errorf("error %v", err)
	}
}

func TestServeEndsOpenStreams(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	ended := make(chan error, 1)
	go func() { ended <- ServeListener(ctx, slog.New(slog.DiscardHandler), l, stream, ServerTimes) }()
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestMailConfig(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://db/volary")
	t.Setenv("VOLARY_BLOB_DIR", "/tmp")
	t.Setenv("VOLARY_CONSOLE_SECRET_FILE", "/etc/volary/console")
	t.Setenv("VOLARY_MAIL_IDENTITY_FILE", "/etc/volary/mail-identity")
	t.Setenv("VOLARY_SMTP_URL", "smtp://volary:secret@post.example:587")
	_, err := ReadWorkerConfig()
	if err == nil || !strings.Contains(err.Error(), "VOLARY_MAIL_FROM") || strings.Contains(err.Error(), "secret") {
		t.Fatalf("a server without a sender: %v", err)
	}
	t.Setenv("VOLARY_MAIL_FROM", "Volary <volary@volary.example>")
	cfg, err := ReadWorkerConfig()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	LogConfig(slog.New(slog.NewTextHandler(&b, nil)), cfg)
	if strings.Contains(b.String(), "secret") || !strings.Contains(b.String(), "post.example") {
		t.Errorf("logged: %s", b.String())
	}
}
