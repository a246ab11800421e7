// Package sales turns what the store knows of orders and invoices into the props of the pages that both sides of a sale
// see, reads the filters of their lists, and sends the files that accountants take home (downloads.go). What a page answers is said by
// handlers/org and handlers/provider.
package sales
