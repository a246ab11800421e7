package public

// SeededUsers are the people of a demo whom the sign-in page names. `go run ./cmd/dev up` makes them.
func SeededUsers() []SeededUser {
	const password = "volary-demo"
	return []SeededUser{
		{"Ada Brook", "ada@tidal.example", password, "owner of Tidal Modelling Group"},
		{"Bea Ledger", "bea@tidal.example", password, "reads the usage of Tidal Modelling Group"},
		{"Gil Strand", "gil@genome.example", password, "owner of Genome Lab"},
		{"Nora Rack", "nora@north.example", password, "operator at North Computing"},
		{"Abe Sum", "abe@north.example", password, "accountant at North Computing"},
		{"Sid Blade", "sid@south.example", password, "admin of South Computing"},
	}
}
