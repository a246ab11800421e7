package typed

import (
	"errors"
	"regexp"
)

var userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// ErrUser says what a user's name on a node is made of.
var ErrUser = errors.New("has 1 to 32 small letters, digits, - and _, and begins with a letter or _")

// ParseUser takes the name of a user on a node, as useradd takes it by default. It is safe in a shell's command: no quote,
// blank or option can be in it. ErrUser where it is none.
func ParseUser(s string) (string, error) {
	if !userName.MatchString(s) {
		return "", ErrUser
	}
	return s, nil
}
