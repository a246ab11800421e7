// Package typed reads what a person typed, the same everywhere: numbers, days, names, mail addresses, SSH keys and digests. It
// knows no fields and no pages. What can be meant in two ways is refused with both readings; an error is the end of a sentence for
// the person who typed it, without its full stop.
//
// # Decided
//
// 2026-11-29: a number is plain digits with at most one mark for the fraction. A point or comma that is followed by exactly
// three digits and stands alone is refused, since half the world reads 1,000 as one and the other half as a thousand; only
// a nought before it (0.045) or four digits (1234.567) leave one reading. Blanks of any kind and apostrophes separate
// thousands and nothing else (1 000, 1'000), and where two different marks stand the last one is the fraction's (1,000.50).
// Digits of any script are taken, of one script in one number. A sign is read, and the bounds of the field refuse what is
// negative. Exponents, units and currency signs are refused: what was meant would be a guess.
//
// 2026-11-29: a day begins at the first instant at which clocks of its zone show it, and ends where the next one begins. Where
// clocks skip midnight that is one o'clock, and a day that a zone never had is empty. Nothing else computes either: time.Date
// gives 23:00 of the day before in such a night, or one o'clock, without a promise which.
//
// 2026-11-29: names that look the same are one (Skeleton): UTS 39's table of what is confused, after case, blanks and
// characters that cannot be seen are taken away. The key is kept beside the name and unique in its scope. Names of people
// have none: two people may have one name.
//
// 2026-11-30: an international host name is kept in its ASCII form and shown in its own letters (ShownHost) where that leads back to
// the same name, is of one script, and does not look like ASCII letters alone: "straße" is shown as xn--strae-oqa for that. The
// page's title has the ASCII form.
//
// 2026-11-30: a number that is refused is repeated as it was typed: who wrote 4,5 looks for that and not for 4.5.
//
// Start at number.go.
package typed
