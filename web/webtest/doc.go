// Package webtest shows every page with sample props: full, empty, and with a refused form. Tests render the gallery
// and hold each page against the rules all pages keep (weight, no inline script or style, labels, one heading), and judge
// it in Chromium at two widths in light and dark, with a photograph in .volary/shots where it is asked for or has a fault.
package webtest
