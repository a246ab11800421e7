package billing

import "errors"

// Books is a Book of several: what is read once is written in each of their forms.
type Books []Book

// Table implements Book.
func (b Books) Table(name string, columns []Column) error {
	return b.each(func(x Book) error { return x.Table(name, columns) })
}

// Row implements Book.
func (b Books) Row(cells ...Cell) error {
	for _, x := range b {
		if err := x.Row(cells...); err != nil {
			return err
		}
	}
	return nil
}

// Finish implements Book.
func (b Books) Finish() error { return b.each(Book.Finish) }

func (b Books) each(f func(Book) error) error {
	var failed []error
	for _, x := range b {
		failed = append(failed, f(x))
	}
	return errors.Join(failed...)
}
