// Package webtest shows every page with sample props: full, empty, and with a refused form. Tests render the gallery
// and hold each page against the rules all pages keep (weight, no inline script or style, labels, one heading), and
// photograph it in Chromium at two widths in light and dark into .volary/shots.
package webtest
