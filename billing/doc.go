// Package billing is the arithmetic of Volary: compute hours, rates, money, the meter, lots, the ledger and its
// export. It is pure: it reads no clock, no database and no randomness, and imports nothing of ours. The store
// locks rows, calls a function here to decide, and writes down what it returned.
//
// # Quantities
//
// Hours are whole milli-compute-seconds (mcs); one compute hour is 3 600 000 mcs. A Rate is mcs per second of
// one node; 1 vCPU with up to 4 GiB of memory has the rate 1000. Time is UTC in half-open ranges [from, to) and
// a metered range begins and ends on a whole second, so that use = seconds × rate is exact and the parts of a
// range always sum to the whole. Money is whole minor units of an ISO 4217 currency. Nothing here is a float.
//
// # Chart of accounts
//
// Every provider and organization that deal with each other share one journal, of hours and of money. Each lot of hours in it has six
// accounts; held is kept per cluster. A posting is a signed amount on one account of one lot, and the postings
// of an entry sum to zero, lot by lot.
//
//	account     balance                       moves
//	bought      minus what the lot delivered  source of every hour
//	available   what may still be set aside   bought ──grant──▶ available
//	held        set aside for one cluster     available ──hold──▶ held ──release──▶ available
//	used        consumed by runs              held ──use──▶ used
//	expired     lapsed unused                 available ──expire──▶ expired
//	refunded    taken back unused             available ──credit note──▶ refunded
//
// A correction goes the other way, from used, expired or refunded to available.
//
// So available = bought − used − held − expired − refunded, and no account but bought is ever below zero. Hours that are
// set aside when their lot expires stay good for the cluster that holds them; what is released of them expires
// in the same transaction.
//
// The postings of money in an entry are debits (above zero) and credits (below), which sum to zero in each currency. Deferred,
// revenue and breakage are kept lot by lot.
//
//	account      of the provider                        debited by            credited by
//	receivable   what the organization owes             sale                  payment, credit note, write-off
//	bank         what came in                           payment               refund
//	credit       the organization's credit              payment out of it,    payment, credit note, goodwill
//	                                                    refund
//	deferred     sold, and neither used nor gone        use, expiry,          sale
//	                                                    credit note
//	revenue      earned by use                                                use
//	breakage     earned by what lapsed                                        expiry
//	tax          output tax                             credit note,          sale
//	                                                    write-off
//	goodwill     given, and never to be had             goodwill, write-off
//	rounding     cents that are let go                  write-off
//
//	           sale                use
//	receivable ────▶ deferred ──────────▶ revenue
//	   ▲  ▲  ▲         │   └────expiry───▶ breakage
//	   │  │  └─────────┘ credit note (or to credit)
//	   │  └── write-off: goodwill, tax, rounding
//	   └── payment: bank, credit            refund: credit ──▶ bank            goodwill: goodwill ──▶ credit
//
// Which account an entry debits for which is MoneyMoves, by its kind; the database has the same table and refuses any other. A
// sale is the grant of a lot that an order delivers: receivable against deferred (and tax, once there is one), as much as the
// invoice says. What a lot has deferred is at the end of every entry what its hours that are neither used nor gone are worth (Parts): the database
// looks. A correction turns round moves of the entry that it names, says why, and is signed by two persons; a sale is
// taken back by a credit note and not by a correction. Each account can have a code of the provider's own (account_codes).
//
// 2026-11-30: hours that are granted have no postings of money. Nobody paid for them, their worth is nobody's claim, and an amount
// of zero would be a row that says nothing. Goodwill is money given, to the customer's credit.
//
// 2026-11-30: journals that had hours before there was money have an opening, an entry of its own kind without hours: what all
// its invoices say is owed, and what of each lot's amount is deferred, earned and lapsed by then. It says, too, what
// earlier entries did not: the facts below, and the costs of all uses booked before.
//
// # Which lot pays
//
// A lot may be narrowed to one pool of its provider; its hours are then set aside for clusters on that pool alone.
// Among the lots that are good on a cluster's pool the earliest expiry comes first, and of two that expire at once the
// older one. A narrowed lot is not preferred: hours that lapse are lost for certain, while hours that are good in fewer
// places may still be used there.
//
// # Money
//
// The amount of an order is hours times unit price, computed in 128 bits and rounded once, half to even. It is the
// lot's, and the cost of every part follows from it: use takes the lot's hours from the bottom, what expires or is refunded
// takes them from the top, and a part costs the difference of the lot's amount shared up to its two ends, both rounded half
// to even (Parts). So the costs of all parts of a finished lot sum to exactly its amount, in whatever order they came, and no
// expiry moves the cost of a use. Hours of a grant have no cost. The cost of a usage line is fixed when the line is booked,
// in the order of the entry's digest.
//
// 2026-11-30: use was shared from the bottom before there was a rule for the rest. So what expired before this day, and never
// got a cost, is worth what is above it by the same rule, and lots that were in use then go on with no cost changed.
//
// # The chain
//
// Entries of a journal are numbered from 1, and their instants rise with the numbers: where the clock was set back, an entry is
// booked a microsecond after the last one. (Those of before 2026-11-30 may fall; the database says up to which.) The hash of an entry is the SHA-256 of the following bytes, which
// contain the hash of the entry before it (64 zeros before the first). Each line ends with one LF; fields are
// separated by one space; an absent field is "-"; hashes and UUIDs are lower-case hexadecimal; numbers are
// decimal without leading zeros or "+"; instants are UTC as 2006-01-02T15:04:05.000000Z.
//
//	volary-ledger-2
//	journal <provider UUID> <organization UUID>
//	seq <number>
//	previous <hash of the entry before>
//	kind <grant|hold|use|release|expire|opening|payment|refund|credit_note|write_off|goodwill|correction>
//	at <instant of booking>
//	key <idempotency key: a-z 0-9 : . _ ->
//	by <person's UUID or ->
//	expires <instant when the granted lot expires or ->
//	period <from> <to, both of the lines of a use, or - ->
//	lines <number of lines> <digest of the lines or ->
//	date <accounting date, as 2006-01-02> <month of the accounts, as 2006-01>
//	corrects <number of the corrected entry> <digest of the reason> <UUID of who signed second, or - - ->
//	fact <what> <UUID> <digest>                                   (one per fact, in the order of the entry)
//	post <lot UUID> <account> <cluster UUID or -> <amount>        (one per posting, in the order of the entry)
//	money <account> <lot UUID or -> <currency> <minor units>      (the same)
//
// The accounting date is the day of the event in the provider's zone: the end of a use, the expiry of a lot, or when what was held
// longer came back, and of all else the booking. A range that ends at midnight is of the day that ends there. The month is that of
// the date, or the first open one behind it.
//
// The digest of the lines of a use entry is the SHA-256 of the line "volary-usage-2" and then one line for each
// usage line, in the order of run UUID, then from; the cost is in minor units, and absent where the lot was granted:
//
//	<run UUID> <cluster UUID> <node UUID> <from> <to> <rate> <mcs> <lot UUID> <cost or ->
//
// A fact is something outside the postings that an amount, a name on paper or a date of account follows from. The entry that books a
// lot has the facts of the lot, of its order and of the invoice; each thing is in one entry. Its digest is the SHA-256 of the following bytes,
// in which <text> stands for the SHA-256 of a text's UTF-8.
//
//	volary-lot-1
//	lot <UUID>
//	order <UUID or ->
//	pool <UUID or ->
//	by <person's UUID or ->
//	made <instant>
//	expires <instant or ->
//	amount <minor units> <currency, or - ->
//	purpose <text>
//
//	volary-order-1
//	order <UUID> <number>
//	offer <UUID>
//	price <UUID> <millionths>
//	hours <mcs>
//	amount <minor units> <currency>
//	ordered <instant>
//	purchase_order <text>
//	cost_centre <text>
//	grant_number <text>
//
//	volary-invoice-1
//	invoice <UUID> <number> <year> <serial>
//	issued <instant>
//	net <minor units> <currency>
//	seller <text>
//	tax_id <text>
//	buyer <text>
//	line <number> <order UUID> <mcs> <unit price> <minor units> <text>     (one per line, in order)
//
//	volary-invoice-2
//	invoice <UUID> <number> <year> <serial>
//	issued <instant>
//	net <minor units> <currency>
//	due <day in the provider's zone>
//	seller <text>
//	tax_id <text>
//	buyer <text>
//	print <what> <text>                                                    (one per, in order of the what)
//	tax <category> <rate in hundredths of a percent> <base> <tax> <text>   (one per category and rate, in order of these)
//	line <number> <order UUID> <mcs> <unit price> <minor units> <text> <category> <rate>     (one per line, in order)
//
//	volary-credit-note-1
//	credit_note <UUID> <number> <year> <serial>
//	invoice <UUID>
//	issued <instant>
//	net <minor units> <currency>
//	off <minor units of it, with tax, that lowered what was left to pay of the invoice>
//	seller <text>
//	tax_id <text>
//	buyer <text>
//	reason <text>
//	print <what> <text>                                                    (as an invoice has them)
//	tax <category> <rate in hundredths of a percent> <base> <tax> <text>   (the same)
//	line <number> <line of the invoice> <lot UUID> <mcs> <minor units> <text>     (one per line, in order)
//
//	volary-payment-1
//	payment <UUID> <received|credit|repaid>
//	paid <day of the bank>
//	amount <minor units> <currency>
//	reference <text>
//	to <invoice UUID> <minor units>                                        (one per invoice, in order of its UUID)
//
//	volary-uses-1
//	<seq> <digest of its lines, as volary-usage-2 has them>                (of an opening: one per earlier use of the lot)
//
// What else is printed on an invoice is buyer_address, buyer_contact, buyer_country, buyer_vat_id, seller_address, seller_bank, seller_bic,
// seller_contact, seller_country, seller_iban, seller_vat_id, terms and zone; what is empty is left out. All of it is copied at issue, so that no
// rename changes an issued paper. Invoices of before have neither a day nor anything else printed, and the bytes of volary-invoice-1.
//
// The entry of a payment or refund has the payment's fact. A payment is received, or is of the customer's credit, or is credit that
// was paid back. Of one that was received the invoices take what was chosen, or what is due first; what is over is credit. An invoice that is
// issued uses credit by itself, in an entry of its own. Neither what is left to pay of an invoice nor credit is ever below zero.
//
// Lines are taxed by category (Taxing: the seller's domestic rate of the day, reverse charge, exempt by a certificate, outside the scope), and tax is
// computed once per category and rate, on the paper's sum, and rounded half up. What a credit note takes back of it is the difference of the tax on
// all that was taken back of the invoice, so that taking back all of it takes back all its tax. Invoices of before tax was computed have no such rows,
// and no category on their lines. Hours are a prepayment: there is tax at sale, none at use, and none comes back at expiry.
//
// A credit note takes back hours of a line of an invoice that are neither used, set aside nor expired, and what was paid for them (Parts.Go):
// never more than is left. Its amount first lowers what is left to pay of that invoice; the rest is credit, which pays the next invoice or is
// paid back. What became of an order follows from these, and is written nowhere.
//
// Of persons there are UUIDs alone, and nothing hashed has to go with one: no paper prints a person's name yet. One that does is hashed with a salt
// that goes with the person.
//
// Entries of before 2026-11-30 have the first encoding, and verify by it: its first line is "volary-ledger-1", the lines date, corrects, fact and
// money are missing, and so are the last two fields of a usage line, whose digest begins with "volary-usage-1". No entry of the
// first follows one of the second.
//
// A line says how much of a run's seconds its lot paid. Where a range is paid by two lots, both have a line with
// the same from and to, and the mcs of the two sum to seconds × rate.
//
// A use entry sums up what one lot paid in one hour (UTC) of all runs of its journal, or at the end of a run what was
// not booked of it yet. No range crosses the beginning of a month in the provider's accounting zone, so that each entry
// belongs to one period.
//
// # The ledger without its database
//
// LedgerWriter writes journals as lines of JSON (ledger_rows.go), with everything that the hashes above are taken over and nothing of it folded, so that a
// stranger recomputes them with VerifyLedgerFile, or with a page of Python in the documentation, which a test holds against it. Rows are "ledger"; of each journal
// "journal", its "entry" rows in order, each with its "line" rows behind it, then "lot", "order", "invoice", "credit_note" and "payment", and "head"; and "end" with the SHA-256 of all bytes before it. Texts of
// the hashed bytes are as they are there ("-": absent). Names of provider and organization are for reading: only the last row vouches for them.
//
// # Heads that left the database
//
// Whoever may write the database can write a whole chain anew, and no look at that chain alone finds it. So the audit run of each day that found the ledger whole writes
// down all heads (WriteHeads), the worker signs them (an envelope of provisioner/certificate by the platform's key), and they are published and mailed;
// an invoice carries the head at its own entry (Head.Mark). An older head holds where the entry of its number has its hash still. The next audit runs compare with
// those of forty days.
//
// 2026-11-30: a list of heads names a journal by Journal.ID and not by its parties, for it is public, and who deals with whom is theirs. Each provider is mailed
// its own journals in a file of the same form. Only a ledger that was found whole has heads written down: a signature says that it was.
//
// 2026-11-30: of two heads that are known the last good entry is the older one; of one alone nothing older is known to be good, and the sentence says so.
//
// # Export of a month
//
// A Book has tables, each with rows of one kind, so that whoever adds a column up has its sum: a CSV (as RFC 4180 has it:
// CRLF, UTF-8, a header) is one of them, a workbook has a sheet for each. A month is a calendar month in the provider's
// accounting zone, as a half-open range of UTC instants.
//
// UsageWriter writes a provider's month. Its tables are "runs", one for each run that has booked seconds in the month,
// clipped to the month and to what is booked; "organizations"; and "totals", one line. What a correction in the month's accounts took
// back of use is a line of runs, too: below zero, of no run, node or cluster, and of no person. So the mcs of each table sum to the ledger's
// postings on used in the month. GroupUsageWriter writes an organization's month with all its providers, each by its own zone:
// "runs" with who launched and with which provider, "people" and "totals", one for each provider.
//
//	organization, person, provider  names, each followed by its id: organization_id …
//	cluster       name                                  cluster_id
//	node          name                                  node_id
//	run_id        UUID
//	vcpus, memory_mib   the node's shape
//	from, to      UTC, 2006-01-02T15:04:05Z, half-open; of sums: the month. A workbook's head says UTC
//	end_reason    why the run ended; "continues" where it goes on after "to"; "correction of entry 7" of what was taken back
//	runs, clusters      how many
//	seconds       to − from of a run; of sums their sum
//	rate          mcs per second
//	mcs           seconds × rate, exact; of sums their sum
//	compute_hours mcs ÷ 3 600 000 to six places, half to even, for reading; add up mcs, not this
//	cost, currency      what the run's hours cost by the prices of the orders they came from, net; empty where grants
//	                    alone paid
//	purchase_order, cost_centre, grant_number   what the group wrote on the cluster
//	orders              the numbers of the orders whose hours paid for the run
//	order_purchase_order, order_cost_centre, order_grant_number   what stands on those orders, each once
//	                    (in the file of a person's own use these and orders are empty: orders are the organization's)
//	made_at             when the file was made
//	settled_until       what nodes used before it is booked and in the file; what they used later may follow
//	status              provisional; closed in what was made when the month was closed
//
// InvoiceWriter writes a month's invoices in the same form, by the instant of issue: "lines", one for each line of an
// invoice, and "totals", one for each currency, which is the sum of the invoices' own amounts.
//
//	invoice       number                                issued_at   UTC
//	organization  name on the invoice                   organization_id
//	order         number                                description
//	mcs, compute_hours, unit_price, net, currency       net = mcs × unit_price, rounded once
//	purchase_order, cost_centre, grant_number           of the order
//	invoice_lines                                       how many, of totals
//	made_at, status                                     as above
//
// A provider closes its months one after the other. From then on the database takes no entry into that month's accounts: what comes late keeps
// its date and is in the accounts of the first open month, and so in the files of that one. What is made of the month when it is closed is kept,
// with its SHA-256: usage and invoices as above, and four files more. None of them names a person. There are no rates of tax and no payments yet, and so no
// files of these.
//
//	trial-balance   WriteTrialBalance: each account before, debit, credit, after; each currency sums to zero
//	roll-forward    RollForward: opening + sold - used - expired - refunded = closing, lot by lot, which is what the lot says is deferred
//	journal         JournalWriter: a line for each posting of money, by the provider's account codes
//	heads           the heads of all journals then, as papers carry them (Head.Mark)
//
// A statement (Statement) tells an organization the same of its journal. It carries the head of the journal when the month was closed.
//
// JSONLines is a Book as well: an object for each row, with text as it was typed, numbers as JSON numbers and null where a cell is empty.
//
// FocusWriter writes a month as FOCUS (FinOps Open Cost and Usage Specification) has it, in version 1.4, and in 1.2 for readers that know
// no later one. Hours are bought before they are used, so:
//
//	sale          Purchase; BilledCost is the order's amount, EffectiveCost 0; one row in Contract Commitment
//	credit note   Purchase below zero; ChargeClass Correction where the sale was in a month before
//	use           Usage, a row for each run and lot; BilledCost 0, EffectiveCost what the hours cost; ContractApplied names the lot
//	expiry        Usage, CommitmentDiscountStatus Unused; EffectiveCost what was paid for what lapsed
//	correction    the row that it takes back, below zero; Correction where that was in a month before
//	grant         Credit of hours at no price
//	tax, goodwill, write-off   Tax; Credit; Credit
//
// So over the files of all months each lot's Purchase rows are billed what its Usage rows cost. Payments are no charges and have no
// row. A quantity has nine decimals, and costs by a unit price are its exact product with the quantity as it is written; x_ComputeMilliseconds
// is exact. FOCUS has no word for a compute hour: the unit is Core-Hours, and SkuPriceDetails say which core.
//
// ApelWriter writes the cloud usage records of APEL, message version 0.4, by months in UTC: a zip of messages below 1 MB and of 1,000
// records at most, each an ASCII text that SSM sends. A record is of one machine, and its durations are of all its runs since its first
// gate: APEL's server subtracts the month before, so there is a record for every month until the machine is gone, for one that is
// stopped, too. What is not a run is SuspendDuration. RecordCreateTime is within the month that is reported, however late. Nobody's name is in
// it: groups and people are their ids, and the VO is the group's name.
//
// In CSV a text gets an apostrophe before each sign that a spreadsheet would take for the beginning of a formula (= + - @,
// full-width forms too), wherever a cell could begin: at its start, and after a comma, semicolon, bar or quotation mark, for
// it is the reader's language that decides which of these part cells. Line ends and tabs within a text become blanks.
//
// 2026-11-30: APEL counts what was proven, the other formats what is booked: a grid's accounting is of machines and not of money, and an
// hour that a correction takes back ran all the same.
//
// 2026-11-29: rows of several kinds no longer share a table. An "organization" and a "total" line below the runs made a naive
// sum of the column three times what was used.
//
// 2026-11-29: what is downloaded in a browser begins with a byte order mark, what the command writes does not: the one is
// opened by a click, the other read by programs.
package billing
