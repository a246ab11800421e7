// Package org answers everything under /org: what members of an organization do. One file per resource; a handler
// parses, makes one store call with the session's organization, and answers with the props of a page of web/org.
// Whether the person may is decided before, by the permission that handlers/routes.go names for the route; which
// organization is asked about is never in the URL.
//
// Start at handlers.go, then clusters.go.
package org
