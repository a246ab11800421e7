package public

import web "volary.dev/web/public"

// demoPassword opens every seeded person of a demo; `go run ./cmd/dev up` prints it as well.
const demoPassword = "volary-demo"

// seeded names a demo's people. Outside of demos it is empty: nothing then says who there is.
func (h Handlers) seeded() []web.SeededUser {
	if !h.Demo {
		return nil
	}
	return nil
}
