package handlers_test

import (
	"net/http"
	"net/url"
	"testing"

	"volary.dev/handlers/handlertest"
)

// TestPoolPlacementForm: what is typed of a pool's placement is on its page and in its form again, and what is wrong is said at its field.
func TestPoolPlacementForm(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	b := a.SignIn(handlertest.Admin)
	says(t, "a new pool's form", b.Get("/provider/pools/new"), http.StatusOK, "Where nodes go", "vCPUs per processor", "Labels that a host needs", "the market says so")
	pool := url.Values{
		"name": {"dense"}, "prefix": {"10.64.0.0/12"}, "subnet_bits": {"24"}, "underlay": {"198.51.100.0/24"}, "storage": {"local"},
		"machine_type": {"q35"}, "test_vcpus": {"0"}, "max_lease": {"48"}, "placement": {"pack"}, "overcommit": {"1.5"}, "host_labels": {"disk=ssd, gpu"},
	}
	_, at := b.Status(http.MethodPost, "/provider/pools", pool)
	says(t, "its page", b.Get(at), http.StatusOK, "Packed onto hosts that carry nodes already", "1.5 per processor", "<code>disk=ssd, gpu</code>")
	says(t, "its form", b.Get(at+"/edit"), http.StatusOK, `value="1.5"`, `value="disk=ssd, gpu"`, `value="pack" selected`)
	says(t, "wrong", b.Post(at, form(pool, "placement", "best", "overcommit", "17", "host_labels", "a=1, a=2")), http.StatusUnprocessableEntity,
		`id="placement-error"`, `id="overcommit-error"`, "between 1 and 16", `id="host_labels-error"`, "The label a is there twice.", `value="17"`, `value="a=1, a=2"`)
	_, _ = b.Status(http.MethodPost, at, form(pool, "placement", "spread", "overcommit", "1", "host_labels", ""))
	says(t, "changed", b.Get(at), http.StatusOK, "Spread over as many hosts as there are", "1 per processor")
}
