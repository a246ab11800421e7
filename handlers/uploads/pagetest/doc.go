// Package pagetest uploads by the page of a new image, in a real Chromium, at a whole portal over a database of its own: cut
// lines, gateways that fail, twins, two tabs, and a real nginx, with its defaults and with the lines of the operator's chapter.
//
// Tests alone are in it. Start at page_test.go.
package pagetest
