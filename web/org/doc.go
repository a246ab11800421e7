// Package org holds the pages of the org area, one file per page: GET /org/things/{id} is thing_show.templ with
// ThingShow(ThingShowProps). Props are typed values ready to show; a page fetches and decides nothing.
package org
