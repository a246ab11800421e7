package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
)

// refusedBy is what an answer says that is not the file.
func refusedBy(answer *http.Response, at typed.WebAddress, rest bool) *Problem {
	status := fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	switch code := answer.StatusCode; {
	case rest && code == http.StatusRequestedRangeNotSatisfiable:
		return changed()
	case code == 301 || code == 302 || code == 303 || code == 307 || code == 308:
		return redirected(answer, at)
	case code == http.StatusNotFound || code == http.StatusGone:
		return &Problem{Kind: Ask, Title: at.Host + " has no file at this address (" + status + ").", Next: "Look at the address, or try again once the file is there."}
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusProxyAuthRequired:
		return &Problem{Kind: Ask, Title: at.Host + " does not give this file to everybody (" + status + ").", Next: "Give a signed address, as stores of files make them for a while; one that you gave may be over. Or upload the file itself."}
	case code == http.StatusTooManyRequests || code >= 500 && code != http.StatusNotImplemented && code != http.StatusHTTPVersionNotSupported:
		return &Problem{Kind: Cut, Title: at.Host + " cannot give the file now (" + status + ").", Next: "Try again later."}
	default:
		return &Problem{Kind: Ask, Title: at.Host + " answers " + strings.TrimSpace(status) + " instead of the file.", Next: "Look at the address, or upload the file itself."}
	}
}

// redirected says where an answer leads. Nothing goes there by itself.
func redirected(answer *http.Response, at typed.WebAddress) *Problem {
	where := answer.Header.Get("Location")
	base, err := url.Parse(at.Full)
	if err != nil || where == "" || len(where) > typed.MaxWebAddress {
		return &Problem{Kind: Ask, Title: at.Host + " says that the file is elsewhere, and not where.", Next: "Look at the address, or upload the file itself."}
	}
	to, err := base.Parse(where)
	if err != nil {
		return &Problem{Kind: Ask, Title: at.Host + " says that the file is elsewhere, at what is no address.", Next: "Look at the address, or upload the file itself."}
	}
	next, err := typed.ParseWebAddress(to.String())
	if err != nil {
		shown := url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}
		return &Problem{
			Kind: Never, Title: at.Host + " leads to " + bounded(shown.String()) + ", where nothing is fetched from: that address " + err.Error() + ".",
			Next: "Give the file's own address at a public server, or upload the file itself.",
		}
	}
	return &Problem{
		Kind: Ask, Title: at.Host + " leads to " + bounded(next.Shown) + ". Redirects are not followed.", Next: "Fetch from there if you trust that address, or give another one.", Leads: &next,
	}
}

// bounded keeps a stranger's text short.
func bounded(s string) string {
	const most = 300
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// worded is an error of the line as a Problem; one that is a Problem, or of the end of ctx, stays.
func worded(ctx context.Context, err error, host string) error {
	var (
		p         *Problem
		wrongName x509.HostnameError
		unknown   x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		late      net.Error
		dialing   *net.OpError
	)
	switch {
	case errors.As(err, &p):
		return p
	case ctx.Err() != nil:
		if cause := context.Cause(ctx); errors.As(cause, &p) {
			return p
		}
		return ctx.Err()
	case errors.As(err, &wrongName):
		return &Problem{Kind: Ask, Title: "The certificate of the server is not of " + host + ".", Next: "Look at the address: it is perhaps not the server that you mean.", cause: err}
	case errors.As(err, &unknown):
		return &Problem{Kind: Ask, Title: "The certificate of " + host + " is made by nobody who is known here.", Next: "Give the address of a server with a public certificate, or upload the file itself.", cause: err}
	case errors.As(err, &invalid):
		return &Problem{Kind: Ask, Title: "The certificate of " + host + " is over, or not valid.", Next: "Try again once it is renewed, or upload the file itself.", cause: err}
	case errors.As(err, &record):
		return &Problem{Kind: Ask, Title: host + " does not speak HTTPS at port 443.", Next: "Give the address of a server that does, or upload the file itself.", cause: err}
	case errors.As(err, &late) && late.Timeout():
		return &Problem{Kind: Cut, Title: host + " does not answer in time.", Next: "Try again later.", cause: err}
	case errors.As(err, &dialing) && dialing.Op == "dial":
		return &Problem{Kind: Cut, Title: "Nothing answers at " + host + ", port 443.", Next: "Look at the address, or try again later.", cause: err}
	default:
		return &Problem{Kind: Cut, Title: "The line to " + host + " is cut.", Next: "Try again later.", cause: err}
	}
}

func tooSlow(host string, floor time.Duration) *Problem {
	return &Problem{Kind: Cut, Title: host + " sends less than " + refusal.Bytes(FloorBytes) + " in " + refusal.Lasting(floor) + ".", Next: "Try again later: what is here is not fetched again."}
}
