package account

// eventWords say what may happen, each with what else is to know of it.
func eventWords() map[string][2]string {
	return map[string][2]string{
		"cluster_ready":  {"A cluster is ready", ""},
		"cluster_failed": {"A cluster did not start, or was not scaled", "also where somebody has to say if nodes go that still work"},
		"cluster_ended":  {"A cluster was stopped or deleted", "its lease is over, its machines went off, or someone else did it"},
		"cluster_staff":  {"A provider pauses or ends a cluster, or lets it go on", ""},
		"nodes_lost":     {"Nodes of a cluster are lost", ""},
		"lease_ends":     {"A lease ends soon, or disks kept after one are deleted", "24 hours, 1 hour and 10 minutes before"},
		"test_ended":     {"An acceptance test is over", ""},
		"upload_stale":   {"An upload stands still", "18 hours after its last byte, and when it is discarded, a day after"},
		"request":        {"A member asks to launch", ""},
		"request_over":   {"My request is decided", ""},
		"hours_low":      {"Few hours are left", "20 % and 5 % of what was left after the last purchase or grant"},
		"hours_expire":   {"Hours expire", "30 days, 7 days and a day before, by the provider’s clock"},
		"order_over":     {"An order is decided", ""},
		"statement":      {"A provider closes a month: its statement", ""},
		"overdue":        {"An invoice is overdue", "a day, 14 days and 30 days after its day"},
		"announcement":   {"A provider announces something by mail", ""},
		"host_lost":      {"A host does not answer", ""},
		"order":          {"An order waits", ""},
		"heads":          {"The heads of our journals, each night", "to keep outside of Volary: they show if an older entry is rewritten"},
		"all_heads":      {"The heads of all journals, each night", "to keep outside of Volary: they show if an older entry is rewritten"},
		"ledger":         {"The daily audit of the ledger finds a difference", ""},
	}
}

func eventTitle(event string) string { return eventWords()[event][0] }

func eventMore(event string) string { return eventWords()[event][1] }
