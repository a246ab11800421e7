// Package public holds the pages of the public area, one file per page: GET /sign-in is sign_in.templ with
// SignIn(SignInProps). Props are typed values ready to show; a page fetches and decides nothing.
package public
