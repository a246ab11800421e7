// Package sales turns what the store knows of orders and invoices into the props of the pages that both sides of a sale
// see, and reads the filters of their lists. It answers nothing itself: handlers/org and handlers/provider do.
package sales
