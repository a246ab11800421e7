package storetest

import "volary.dev/store/people"

// Announcement is one that is shown from now on, to everyone it concerns.
func Announcement(title string) people.NewAnnouncement {
	return people.NewAnnouncement{Title: title, Text: "Text.", Tone: "note"}
}
