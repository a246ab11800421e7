// Package public answers those who are not signed in, and what belongs to nobody's work: signing in and out, the way
// from / to one's work, switching between organizations and providers, and the health check.
package public
