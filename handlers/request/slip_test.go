package request_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/store/people"
)

func slipDigest(t *testing.T, token, address string, form url.Values) []byte {
	t.Helper()
	form.Set(request.SlipID, uuid.NewString())
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	c := echo.New().NewContext(r, httptest.NewRecorder())
	s := &people.Session{PersonID: uuid.New()}
	request.SetSession(c, s, token)
	f, err := request.ParseForm(c)
	if err != nil {
		t.Fatal(err)
	}
	slip, err := f.Slip(c, s)
	if err != nil || len(slip.Digest) != 32 || slip.ID.String() != form.Get(request.SlipID) || slip.Person != s.PersonID {
		t.Fatalf("%+v, %v", slip, err)
	}
	return slip.Digest
}

func TestDigestsOfForms(t *testing.T) {
	base := slipDigest(t, "token", "/a", url.Values{"x": {"1", "2"}, "y": {"3"}})
	for name, c := range map[string]struct {
		token, address string
		form           url.Values
		same           bool
	}{
		"the same":                {"token", "/a", url.Values{"y": {"3"}, "x": {"1", "2"}}, true},
		"another session":         {"other", "/a", url.Values{"y": {"3"}, "x": {"1", "2"}}, true},
		"for whom, and why again": {"token", "/a", url.Values{"x": {"1", "2"}, "y": {"3"}, "made_for": {"org:1"}, "work_for": {"org:1"}, "password_again": {"secret"}}, true},
		"another address":         {"token", "/b", url.Values{"x": {"1", "2"}, "y": {"3"}}, false},
		"another query":           {"token", "/a?z=1", url.Values{"x": {"1", "2"}, "y": {"3"}}, false},
		"another order":           {"token", "/a", url.Values{"x": {"2", "1"}, "y": {"3"}}, false},
		"another value":           {"token", "/a", url.Values{"x": {"1", "2"}, "y": {"4"}}, false},
		"joined values":           {"token", "/a", url.Values{"x": {"12"}, "y": {"3"}}, false},
		"moved values":            {"token", "/a", url.Values{"x": {"1"}, "y": {"2", "3"}}, false},
		"one more":                {"token", "/a", url.Values{"x": {"1", "2"}, "y": {"3"}, "z": {""}}, false},
		"a password":              {"token", "/a", url.Values{"x": {"1", "2"}, "y": {"3"}, "password": {"secret"}}, false},
	} {
		if got := slipDigest(t, c.token, c.address, c.form); bytes.Equal(got, base) != c.same {
			t.Errorf("%s: same %t", name, !c.same)
		}
	}
	secret := func(token, word string) []byte { return slipDigest(t, token, "/a", url.Values{"password": {word}}) }
	if !bytes.Equal(secret("token", "one"), secret("token", "one")) || bytes.Equal(secret("token", "one"), secret("token", "two")) || bytes.Equal(secret("token", "one"), secret("other", "one")) {
		t.Error("a password counts otherwise than by the session's own MAC")
	}
}

func TestPlaces(t *testing.T) {
	org, provider := uuid.New(), uuid.New()
	atOrg, atProvider := &people.Session{OrganizationID: &org}, &people.Session{ProviderID: &provider}
	for _, c := range []struct {
		s     *people.Session
		p     request.Permission
		place string
		of    bool
	}{
		{nil, request.OrgRead, "", false},
		{atOrg, request.SignedIn, "", false},
		{atOrg, request.Anyone, "", false},
		{atOrg, request.OrgOwn, "org:" + org.String(), true},
		{atOrg, request.ProviderHosts, "", true},
		{atProvider, request.ProviderPrices, "provider:" + provider.String(), true},
		{atProvider, request.OrgConsole, "", true},
		{atProvider, request.Platform, "platform", true},
	} {
		if place, of := request.Place(c.s, c.p); place != c.place || of != c.of {
			t.Errorf("%s: %q, %t", c.p, place, of)
		}
	}
}
