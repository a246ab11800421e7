// Package sales holds the pages that both sides of a sale see: orders, quotes and invoices. Which side reads is in a
// page's Side; what only one side may do is a button of that side. It may import web/ui, web/layout and billing.
package sales
