package machines

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// mostClusterName is how many characters a cluster's name has: it is a part of its nodes' domain names.
const mostClusterName = 40

func validClusterName(s string) bool {
	if len(s) < 1 || len(s) > mostClusterName || s[0] < 'a' || s[0] > 'z' || s[len(s)-1] == '-' {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}

// clusterNameLike is the valid name that is nearest to what was typed: accents and capitals are taken off, and what is between words
// is a hyphen. Empty: nothing of it could be a name.
func clusterNameLike(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ReplaceAll(strings.ToLower(s), "ß", "ss")) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r) || b.Len() == 0 || strings.HasSuffix(b.String(), "-"):
		case r == '-' || r == '_' || r == '.' || r == '/' || unicode.IsSpace(r):
			b.WriteByte('-')
		}
	}
	return strings.TrimRight(b.String()[:min(b.Len(), mostClusterName)], "-")
}

// nameStem is a name without the number at its end: names that are counted on begin with it.
func nameStem(name string) string {
	stem := strings.TrimRight(name, "0123456789")
	return strings.TrimSuffix(stem, "-")
}

// freeName is the name itself or, where it is taken, one that counts on from it. Empty: there is none.
func freeName(name string, taken []string) string {
	if name == "" || !slices.Contains(taken, name) {
		return name
	}
	stem := nameStem(name)
	first, err := strconv.Atoi(strings.TrimPrefix(name[len(stem):], "-"))
	if err != nil {
		first = 1
	}
	for n := first + 1; n <= first+len(taken)+1; n++ {
		end := "-" + strconv.Itoa(n)
		free := strings.TrimRight(stem[:min(len(stem), mostClusterName-len(end))], "-") + end
		if validClusterName(free) && !slices.Contains(taken, free) {
			return free
		}
	}
	return ""
}
