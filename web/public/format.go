package public

import "fmt"

// share is a part of a whole in per cent with one decimal, rounded towards zero: all but one is never "100.0 %".
func share(part, whole int) string {
	if whole <= 0 {
		return "–"
	}
	perMille := int64(part) * 1000 / int64(whole)
	return fmt.Sprintf("%d.%d %%", perMille/10, perMille%10)
}
