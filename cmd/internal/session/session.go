// Package session signs in to a running portal as a browser would, for programs that look at its pages.
package session

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// SignIn returns the cookies of a new session.
func SignIn(ctx context.Context, address, email, password string) ([]*http.Cookie, error) {
	form := url.Values{"email": {email}, "password": {password}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := Stay().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		return nil, fmt.Errorf("sign in as %s at %s: %s", email, address, resp.Status)
	}
	return resp.Cookies(), nil
}

// Stay is a client that shows redirects instead of following them.
func Stay() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
