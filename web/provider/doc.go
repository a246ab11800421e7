// Package provider holds the pages of the provider area, one file per page: GET /provider/things/{id} is thing_show.templ with
// ThingShow(ThingShowProps). Props are typed values ready to show; a page fetches and decides nothing.
package provider
