// Package paper writes an invoice or a credit note as people and programs take it: as PDF, and as UBL by EN 16931. Both are written from one
// Document, so that they cannot say different things. It reads no clock and no database; it imports billing and its typeface.
//
// # PDF
//
// One column on A4, in the type of package typeface, which is embedded. What the type has no letters for is refused (ErrLetters) rather than
// printed as boxes: settings take only what it has, and a name of before is told with the letters that it lacks.
//
// # EN 16931
//
// WriteUBL writes the core invoice in the syntax UBL 2.1 (Invoice, or CreditNote for a credit note), without extensions, by the profile of the
// standard itself (urn:cen.eu:en16931:2017). Amounts are those of the paper, so that the standard's arithmetic holds: BR-CO-10 (the lines sum
// to the net), BR-CO-13, BR-CO-14 (taxes sum), BR-CO-15 (net and tax are the gross amount), BR-CO-16, BR-CO-17 (tax is the base at the rate) and
// BR-S-08, BR-AE-08, BR-E-08, BR-O-08 (bases are the sums of their lines). A line's amount is hours × price, rounded once half to even; the
// standard rounds half up and allows a cent, and hours have the decimals that make the price per compute hour exact.
//
// The standard wants a country of both parties and of the seller an identifier. A paper without is refused (ErrIncomplete) by the names
// of what is missing, for a receiver's program would refuse it later and say less.
package paper
