package middleware

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"
)

// Address tells who sent a request: the connection's other end, unless that is one of the trusted proxies, whose
// X-Forwarded-For is then read from the right until the first address that is not theirs. Anybody else's header
// is not looked at, or throttling could be escaped by inventing addresses.
func Address(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		options = append(options, echo.TrustIPRange(&net.IPNet{
			IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

// Scheme is "https" where the public address is: no header of a request decides it.
func Scheme(https bool) echo.SchemeExtractor {
	return func(*http.Request) string {
		if https {
			return "https"
		}
		return "http"
	}
}
