package sample

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// moduleNames are loaded by the initramfs before the root is mounted; what they depend on goes before them.
var moduleNames = []string{"virtio_pci", "virtio_blk", "virtio_net", "virtio_rng", "virtio_console", "isofs", "nls_utf8", "evdev", "button"}

// initramfs writes the kernel's first file system: BusyBox, the modules and init.
func (b *builder) initramfs(context.Context) error {
	release, err := b.One("lib/modules/*")
	if err != nil {
		return err
	}
	modules, err := b.modules(release)
	if err != nil {
		return err
	}
	busybox, err := os.ReadFile(b.Package("bin/busybox"))
	if err != nil {
		return err
	}
	home := "lib/modules/" + filepath.Base(release)
	var a archive
	for _, dir := range []string{"bin", "dev", "etc", "proc", "root", "lib", "lib/modules", home} {
		a.add(dir, 0o040755, nil)
	}
	// The kernel opens the console before devtmpfs is there.
	a.addDevice("dev/console", 0o020600, 5, 1)
	a.add("bin/busybox", 0o100755, busybox)
	for _, f := range []struct {
		guest, to string
		mode      uint32
	}{{"initramfs-init", "init", 0o100755}, {"initramfs-fstab", "etc/fstab", 0o100644}} {
		text, err := guest.ReadFile("guest/" + f.guest)
		if err != nil {
			return err
		}
		a.add(f.to, f.mode, text)
	}
	for _, m := range modules {
		a.add(home+"/"+m.name+".ko", 0o100644, m.data)
	}
	a.add(home+"/modules.dep", 0o100644, dependencies(modules))
	a.add("modules", 0o100644, []byte(strings.Join(moduleNames, " ")+"\n"))
	return os.WriteFile(b.Path("initrd"), a.close(), 0o644)
}

// dependencies is what depmod would write: one process then loads all modules, each after what it needs. modprobe goes
// through a line from its end.
func dependencies(modules []module) []byte {
	all := map[string][]string{} // what a module needs and what that needs, in loading order
	var text bytes.Buffer
	for _, m := range modules {
		var needs []string
		for _, need := range m.needs {
			for _, name := range append(slices.Clip(all[need]), need) {
				if !slices.Contains(needs, name) {
					needs = append(needs, name)
				}
			}
		}
		all[m.name] = needs
		fmt.Fprintf(&text, "%s.ko:", m.name)
		for _, name := range slices.Backward(needs) {
			fmt.Fprintf(&text, " %s.ko", name)
		}
		text.WriteByte('\n')
	}
	return text.Bytes()
}

type module struct {
	name  string
	needs []string
	data  []byte
}

// modules gives moduleNames and what they depend on, in an order in which they load. The package has no list of
// dependencies (depmod makes one at installation), so each module's own .modinfo is asked.
func (b *builder) modules(release string) ([]module, error) {
	files := map[string]string{}
	err := filepath.WalkDir(release, func(path string, d fs.DirEntry, err error) error {
		if name, is := strings.CutSuffix(d.Name(), ".ko"); is && err == nil {
			files[strings.ReplaceAll(name, "-", "_")] = path
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var list []module
	seen := map[string]bool{}
	var visit func(name string) error
	visit = func(name string) error {
		if seen[name] {
			return nil
		}
		seen[name] = true
		path, ok := files[name]
		if !ok {
			return fmt.Errorf("the kernel package has no module %s", name)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		needs, err := moduleNeeds(data)
		if err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
		for _, need := range needs {
			if err := visit(need); err != nil {
				return err
			}
		}
		list = append(list, module{name, needs, unsigned(data)})
		return nil
	}
	for _, name := range moduleNames {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// unsigned cuts off the signature of a module (include/linux/module_signature.h: the signature, twelve bytes that end in
// its length, a mark). The kernel loads a module without one, and an emulated processor takes milliseconds to verify it;
// what guards these modules is apt's signature over their package.
func unsigned(data []byte) []byte {
	body, signed := bytes.CutSuffix(data, []byte("~Module signature appended~\n"))
	if !signed || len(body) < 12 {
		return data
	}
	body, length := body[:len(body)-12], int(binary.BigEndian.Uint32(body[len(body)-4:]))
	if length > len(body) {
		return data
	}
	return body[:len(body)-length]
}

func moduleNeeds(data []byte) ([]string, error) {
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	info := file.Section(".modinfo")
	if info == nil {
		return nil, fmt.Errorf("no .modinfo section")
	}
	text, err := info.Data()
	if err != nil {
		return nil, err
	}
	for _, field := range strings.Split(string(text), "\x00") {
		if value, is := strings.CutPrefix(field, "depends="); is && value != "" {
			return strings.Split(strings.ReplaceAll(value, "-", "_"), ","), nil
		}
	}
	return nil, nil
}

// archive writes the kernel's "newc" cpio format (Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	buf   bytes.Buffer
	inode int
}

func (a *archive) add(name string, mode uint32, data []byte) { a.entry(name, mode, 0, 0, data) }

func (a *archive) addDevice(name string, mode, major, minor uint32) {
	a.entry(name, mode, major, minor, nil)
}

func (a *archive) entry(name string, mode, major, minor uint32, data []byte) {
	a.inode++
	fmt.Fprintf(&a.buf, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		a.inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name)+1, 0)
	a.buf.WriteString(name + "\x00")
	a.pad()
	a.buf.Write(data)
	a.pad()
}

func (a *archive) pad() {
	for a.buf.Len()%4 != 0 {
		a.buf.WriteByte(0)
	}
}

func (a *archive) close() []byte {
	a.entry("TRAILER!!!", 0, 0, 0, nil)
	return a.buf.Bytes()
}
