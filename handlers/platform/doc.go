// Package platform answers those who run the whole deployment: organizations, people and mails. What organizations and
// providers do is not theirs to see.
package platform
