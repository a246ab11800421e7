// Package page answers browsers with pages: the frame's props from the session, a component or the fragment of it
// that htmx asked for, the page of an error, and the notice that a redirect carries to the next page.
//
// 2026-11-22: a form that comes after its session has ended is answered with a page that holds what was typed, without
// passwords, to be sent again once the person is signed in: nothing is kept on the server, and nothing typed is lost.
package page
