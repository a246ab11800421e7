package public

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/store/books"
	web "volary.dev/web/public"
)

// ListAnchors lists the days whose signed heads are there for everybody.
func (h Handlers) ListAnchors(c echo.Context) error {
	list, err := h.Books.Anchors(c.Request().Context())
	if err != nil {
		return err
	}
	p := web.AnchorListProps{Layout: h.layout(c), Most: books.MostAnchors}
	for _, a := range list {
		p.Anchors = append(p.Anchors, web.Anchor{Day: a.Day, Journals: a.Journals, SHA256: a.SHA256})
	}
	return page.Render(c, http.StatusOK, web.AnchorList(p))
}

// DownloadAnchor sends a day's heads as they were signed.
func (h Handlers) DownloadAnchor(c echo.Context) error {
	return sales.DownloadAnchor(c, h.Books, uuid.Nil)
}
