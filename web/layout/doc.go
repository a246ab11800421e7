// Package layout is the frame around every page: head, navigation, banner, footer, and the page of a refusal.
package layout
