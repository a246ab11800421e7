package blob

import "os"

// SyncBy has a directory tell f of what it has on the disk.
func (d *Directory) SyncBy(f func(path string)) {
	d.sync = func(file *os.File) error {
		f(file.Name())
		return file.Sync()
	}
}
