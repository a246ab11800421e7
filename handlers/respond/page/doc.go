// Package page answers browsers with pages: the frame's props from the session, a component or the fragment of it
// that htmx asked for, the page of an error, and the notice that a redirect carries to the next page.
package page
