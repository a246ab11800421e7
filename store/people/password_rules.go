package people

import (
	_ "embed"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"
	"volary.dev/store"
)

// commonPasswords are those of ten letters and more that are tried first by whoever guesses, one in a line.
//
//go:embed common_passwords.txt
var commonPasswords string

var common = sync.OnceValue(func() map[string]bool {
	list := map[string]bool{}
	for line := range strings.Lines(commonPasswords) {
		list[strings.TrimSpace(line)] = true
	}
	return list
})

// checkPassword wants a person's password to be neither too short nor known to everyone. It is checked before anything is
// hashed: an over-long one costs nothing.
func checkPassword(f store.Fields, field, password, email, name string) {
	password = norm.NFC.String(password)
	n := len([]rune(password))
	f.Check(n >= leastLetters && n <= mostLetters, field, "Choose %d to %d characters; these are %d.", leastLetters, mostLetters, n)
	if n > mostLetters {
		return
	}
	low := strings.ToLower(strings.TrimSpace(password))
	local, _, _ := strings.Cut(email, "@")
	switch {
	case low == email || low == strings.ToLower(name) || (len(local) >= leastLetters && low == local):
		f.Add(field, "Choose something else than your address or name.")
	case common()[low] || sameLetter(low):
		f.Add(field, "This password is among those that are guessed first: choose another, such as four words that do not belong together.")
	}
}

func sameLetter(s string) bool { return s != "" && strings.Trim(s, s[:1]) == "" }
