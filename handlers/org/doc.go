// Package org answers everything under /org: what members of an organization do. One file per resource; a handler
// parses, makes one store call with the session's organization, and answers with the props of a page of web/org.
// Whether the person may is decided before, by the permission that handlers/routes.go names for the route; which
// organization is asked about is never in the URL.
//
// Start at handlers.go, then clusters.go.
//
// 2026-11-30: a version is edited by a form or as its file, at the same addresses: ?as=yaml shows the file, and a form that has the field yaml is one.
// A button of either goes on in the other with what was typed and saves nothing. What the form does not show (version_kept.go) it carries as a
// document of its own, so that it needs no store and works between the two; what comes back is checked as anything that is typed.
package org
