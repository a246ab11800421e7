package provisioner

import "github.com/google/uuid"

// ConsoleTail is the most that is read of the end of a console at once.
const ConsoleTail = 64 << 10

// ConsoleQuery asks for what a node wrote to its console since it was made.
type ConsoleQuery struct {
	Node uuid.UUID
	Tail int64 // at most so many bytes from its end, and at most ConsoleTail
	// Find asks for the lines with one of these texts that were written after the mark After: of all that the host keeps,
	// not of the tail alone. An empty mark stands before everything, as does one whose place is no longer kept.
	Find  []string
	After string
}

// ConsoleText is what a host keeps of a node's console. The bytes are the guest's: hostile. A node that is not on the host, or
// has written nothing, has a zero ConsoleText.
type ConsoleText struct {
	Kept  int64 // bytes that lie on the host
	Tail  []byte
	Lines [][]byte // in their order, the last 32 at most; a complete line ends with its line feed
	// End is a mark of where the console ends now, Next of where a search goes on: a line that was not complete is searched
	// again. Marks stay good while the host rolls its files over.
	End, Next string
}
