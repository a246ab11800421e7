package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

// consoleLogBytes is when virtlogd begins a new file, and consoleBackups how many older ones it keeps: little, so that tests,
// and the checks of hosts, which fill a console three times over, reach the end.
const (
	consoleLogBytes = 128 << 10
	consoleBackups  = 3
)

// writeHostFiles makes the host's folders and writes its configuration, each time anew.
func writeHostFiles(plan hostPlan) error {
	for _, f := range hostFolders {
		if err := os.MkdirAll(filepath.Join(plan.Dir, f.name), 0o755); err != nil {
			return err
		}
	}
	id, err := hostUUID(filepath.Join(plan.Dir, "uuid"))
	if err != nil {
		return err
	}
	files := map[string]string{
		"etc/libvirtd.conf": fmt.Sprintf("host_uuid = %q\nlisten_tls = 0\nlisten_tcp = 1\ntcp_port = \"%d\"\nauth_tcp = \"none\"\n"+
			"auth_unix_rw = \"none\"\nmax_client_requests = 20\n", id, libvirtPort),
		// One user for everything and no confinement: for hosts of a lab only, never advice for production.
		"etc/qemu.conf": "security_driver = \"none\"\nuser = \"root\"\ngroup = \"root\"\nstdio_handler = \"logd\"\n" +
			"namespaces = []\ncgroup_controllers = []\nremember_owner = 0\n",
		"hosts":             fmt.Sprintf("127.0.0.1 localhost\n%s %s\n", plan.Address, plan.Name),
		"etc/virtlogd.conf": fmt.Sprintf("max_size = %d\nmax_backups = %d\n", consoleLogBytes, consoleBackups),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(plan.Dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return writeHook(plan)
}

// hostUUID is drawn once for each host: libvirt would take the machine's own, the same for all of them.
func hostUUID(file string) (uuid.UUID, error) {
	b, err := os.ReadFile(file)
	if err == nil {
		if id, err := uuid.ParseBytes(b); err == nil {
			return id, nil
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return uuid.UUID{}, err
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return uuid.UUID{}, err
	}
	return id, os.WriteFile(file, []byte(id.String()), 0o644)
}

// writeHook installs the network hook with its run bit, without which libvirt skips it in silence.
func writeHook(plan hostPlan) error {
	file := filepath.Join(plan.Dir, "etc", "hooks", "network")
	if plan.HookBinary == "" {
		return os.RemoveAll(file)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	quoted := "'" + strings.ReplaceAll(plan.HookBinary, "'", `'\''`) + "'"
	return os.WriteFile(file, []byte("#!/bin/sh\nexec "+quoted+" hook network \"$@\"\n"), 0o755)
}

func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	path = filepath.Join("/usr/sbin", name) // not in an unprivileged user's PATH
	if _, statErr := os.Stat(path); statErr == nil {
		return path, nil
	}
	return "", err
}
