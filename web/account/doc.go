// Package account holds the pages of a person about themselves.
package account
