// Package platform holds the pages of those who run the whole deployment.
package platform
