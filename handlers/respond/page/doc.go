// Package page answers browsers with pages: the frame's props from the session, a component or the fragment of it
// that htmx asked for, the page of an error, and the notice that a redirect carries to the next page.
//
// 2026-11-22: a form that comes after its session has ended is answered with a page that holds what was typed, without
// passwords, to be sent again once the person is signed in: nothing is kept on the server, and nothing typed is lost.
//
// 2026-11-29: a page that answers a form (any request but a GET) says so in its markup, with its own address and when the request
// came. It stays as it is: a live page offers what changed since, and is not laid over. The address of a form is not one of a page;
// it becomes the page's that the form stands on, by script at once, and by a redirect where somebody opens it (handlers/form_pages.go
// has the one rule). What a page shows was read after its request came, so that what was heard of before is in it; between two
// processes that is as true as their clocks.
//
// 2026-11-29: a link of another place of the person's is answered with whose it is and a button to change there, in one place, the
// error handler. Memberships are asked for as they are now, only where the answer would be a refusal, and of what does not exist as
// of what does: it tells nobody more than their own memberships do.
//
// 2026-11-29: what an auditor may not send is taken out of the page that is answered (reading.go): forms, and links to pages that are
// forms. A style sheet hid most of them, and some were shown live and ended in a refusal. It is done to the page rather than by
// each of some hundred forms, which the next would forget; what other roles may not send is each page's own to leave out, and a
// crawl as everybody looks at both (handlers/rights_of_forms_test.go).
package page
