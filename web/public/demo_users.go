package public

// DemoUsers are the people of a demo whom the sign-in page names. `go run ./cmd/dev up` makes them.
func DemoUsers() []DemoUser {
	const password = "volary-demo"
	return []DemoUser{
		{Name: "Ada Brook", Email: "ada@tidal.example", Password: password, Does: "owner of Tidal Modelling Group"},
		{
			Name: "Ada Brook", Email: "ada@tidal.example", Password: password, Does: "owner of Tidal Modelling Group",
			Label: "Launch as Ada Brook", Next: "/org/clusters/new?compute_count=3&lease_hours=2&name=first-launch",
		},
		{Name: "Ben Marsh", Email: "ben@tidal.example", Password: password, Does: "member of Tidal Modelling Group"},
		{Name: "Bea Ledger", Email: "bea@tidal.example", Password: password, Does: "reads the usage of Tidal Modelling Group"},
		{Name: "Aud Proof", Email: "aud@tidal.example", Password: password, Does: "audits Tidal Modelling Group"},
		{Name: "Gil Strand", Email: "gil@genome.example", Password: password, Does: "owner of Genome Lab"},
		{Name: "Nora Rack", Email: "nora@north.example", Password: password, Does: "operator at North Computing"},
		{Name: "Abe Sum", Email: "abe@north.example", Password: password, Does: "accountant at North Computing"},
		{Name: "Nina Price", Email: "nina@north.example", Password: password, Does: "admin of North Computing"},
		{Name: "Ned Check", Email: "ned@north.example", Password: password, Does: "audits North Computing"},
		{Name: "Sid Blade", Email: "sid@south.example", Password: password, Does: "admin of South Computing"},
		{Name: "Sue Tally", Email: "sue@south.example", Password: password, Does: "accountant at South Computing"},
		{Name: "Platform Root", Email: "root@volary.example", Password: password, Does: "runs the platform"},
	}
}
