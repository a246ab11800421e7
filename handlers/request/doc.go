// Package request reads what a browser sent: ids of paths, and forms whose every field has bounds. A Form collects
// a sentence for each wrong field and keeps what was typed, so that a handler reads all fields first and asks once:
//
//	f, err := request.ParseForm(c)
//	if err != nil {
//		return err
//	}
//	name := f.Text("name", "a name", 1, 80)
//	count := f.Int("compute", "compute nodes", 0, 1000)
//	if r := f.Refusal(); r != nil {
//		return show(c, f.Typed, r)
//	}
//
// 2026-11-30: an auditor may end their own membership (OrgBelong), though they may change nothing else: who was invited to read must not need
// an owner to be rid of it, and leaving changes nothing of the organization's. It is the only permission to write that names auditors.
//
// 2026-11-30: what a command refuses of a form's fields is said together with what could not be read of them (Also), and not once that
// is right. Commands of which a part is such a check have it as Check, without the database.
package request
