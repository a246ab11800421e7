package org

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	trade "volary.dev/handlers/sales"
	"volary.dev/store/books"
	"volary.dev/web/sales"
	"volary.dev/web/ui"
)

// ListStatements shows the statements of closed months. Where a month of a provider is asked for it leads to that one, or says why there is none.
func (h Handlers) ListStatements(c echo.Context) error {
	orgID, _ := where(c)
	ctx := c.Request().Context()
	l, q := request.ParseList(c), request.ParseQuery(c)
	p := sales.StatementListProps{Layout: h.layout(c), Month: q.Typed("month"), Provider: q.Typed("provider")}
	if q.Has("month") {
		id, err := h.statementOf(c, q)
		if err == nil {
			return c.Redirect(http.StatusSeeOther, "/org/statements/"+id.String())
		}
		r, ok := respond.AsForm(err)
		if !ok {
			return err
		}
		p.Form = ui.Form{Refusal: r}
	}
	cards, err := h.Books.Wallet(ctx, orgID)
	if err != nil {
		return err
	}
	for _, x := range cards {
		p.Providers = append(p.Providers, ui.Option{Value: x.ProviderID.String(), Label: x.ProviderName})
	}
	list, total, err := h.Books.StatementsOfOrganization(ctx, orgID, l.Page())
	if err != nil {
		return err
	}
	p.List = page.List(l, total)
	for _, s := range list {
		p.Statements = append(p.Statements, sales.StatementRow{
			ID: s.ID, Month: s.Month.Words(), Provider: s.Seller, Used: int64(s.Hours.Used), Left: int64(s.Hours.Closing), Owed: billing.Money{Minor: s.Owed.Closing, Currency: s.Currency},
		})
	}
	return page.Render(c, page.StatusOf(p.Form), sales.StatementList(p))
}

// statementOf finds the statement that a query asks for.
func (h Handlers) statementOf(c echo.Context, q *request.Form) (uuid.UUID, error) {
	orgID, _ := where(c)
	month := trade.Month(q)
	provider := q.ID("provider", "a provider")
	if r := q.Refusal(); r != nil {
		return uuid.Nil, r
	}
	return h.Books.StatementOf(c.Request().Context(), orgID, provider, month)
}

// ShowStatement shows a statement as it is printed.
func (h Handlers) ShowStatement(c echo.Context) error {
	orgID, _ := where(c)
	s, err := h.statement(c)
	if err != nil {
		return err
	}
	l := request.ParseList(c, "cluster", "person", "used")
	uses, total, err := h.Books.StatementUses(c.Request().Context(), orgID, s.ID, books.StatementUseFilter{Page: l.Page(), Sorting: l.Sorting})
	if err != nil {
		return err
	}
	p := sales.StatementShowProps{Layout: h.layout(c), List: page.List(l, total), Statement: s, Head: s.Head.Mark()}
	for _, u := range uses {
		p.Uses = append(p.Uses, sales.StatementUse{
			ClusterID: u.ClusterID, Cluster: u.ClusterName, Person: u.PersonName, Used: int64(u.Hours), Cost: u.Cost,
			References: sales.References{PurchaseOrder: u.PurchaseOrder, CostCentre: u.CostCentre, GrantNumber: u.GrantNumber},
		})
	}
	if p.Parts, err = h.statementParts(c, s); err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, sales.StatementShow(p))
}

// statementParts are what members, cost centres and grants used, of those that somebody wrote on a cluster.
func (h Handlers) statementParts(c echo.Context, s billing.Statement) (parts []sales.StatementPart, err error) {
	orgID, _ := where(c)
	for _, by := range []books.StatementBy{books.ByMember, books.ByCostCentre, books.ByGrant} {
		sums, err := h.Books.StatementSums(c.Request().Context(), orgID, s.ID, by)
		if err != nil {
			return nil, err
		}
		if len(sums) == 0 || by != books.ByMember && len(sums) == 1 && sums[0].Name == "" {
			continue
		}
		part := sales.StatementPart{By: string(by)}
		for _, x := range sums {
			sum := sales.StatementSum{Name: x.Name, Used: int64(x.Hours)}
			if x.Cost != nil {
				sum.Cost = billing.Cost{Minor: *x.Cost, Currency: s.Currency}
			}
			part.Sums = append(part.Sums, sum)
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// ExportStatement gives a table of a statement as CSV.
func (h Handlers) ExportStatement(c echo.Context) error {
	orgID, _ := where(c)
	s, err := h.statement(c)
	if err != nil {
		return err
	}
	return trade.DownloadCSV(c, trade.File{
		Name: "statement-" + s.Month.String(), Tables: billing.StatementTables(),
		Fill: func(b billing.Book) error { return h.Books.ExportStatement(c.Request().Context(), orgID, s, b) },
	})
}

func (h Handlers) statement(c echo.Context) (billing.Statement, error) {
	orgID, _ := where(c)
	id, err := request.ID(c, "id", "statement")
	if err != nil {
		return billing.Statement{}, err
	}
	return h.Books.StatementOfOrganization(c.Request().Context(), orgID, id)
}
