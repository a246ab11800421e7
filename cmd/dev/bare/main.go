// Command bare is what `go run ./cmd/dev bench page` compares the portal with: the same page from one query, by echo,
// pgx and templ with nothing around it. No session, no policy, no log, no layers.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"

	"volary.dev/provisioner"
	"volary.dev/web/layout"
	"volary.dev/web/org"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run() error {
	pool, err := pgxpool.New(context.Background(), os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	organization := os.Getenv("BARE_ORGANIZATION")
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/", func(c echo.Context) error {
		rows, err := clusters(c.Request().Context(), pool, organization)
		if err != nil {
			return err
		}
		c.Response().Header().Set(echo.HeaderContentType, echo.MIMETextHTMLCharsetUTF8)
		return org.ClusterList(org.ClusterListProps{
			Layout: layout.Props{
				Area: layout.AreaOrg, Person: &layout.Person{Name: "Ada Brook", Email: "ada@tidal.example"},
				Organization: "Tidal Modelling Group", Simulated: true,
			},
			Clusters: rows, MayLaunch: true,
		}).Render(c.Request().Context(), c.Response())
	})
	if err := e.Start(os.Getenv("BARE_LISTEN")); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func clusters(ctx context.Context, pool *pgxpool.Pool, organization string) ([]org.ClusterRow, error) {
	rows, err := pool.Query(ctx, `
		SELECT c.id, c.name, c.reason, c.reason_detail, m.name || ' ' || v.version, p.name, c.created_at,
		       coalesce(c.lease_ends_at, 'epoch'), count(n.id), count(n.id) FILTER (WHERE n.state = 'ready')
		  FROM clusters c
		  JOIN model_versions v ON v.id = c.version_id
		  JOIN model_clusters m ON m.id = v.model_cluster_id
		  JOIN pools p ON p.id = c.pool_id
		  LEFT JOIN nodes n ON n.cluster_id = c.id
		 WHERE c.organization_id = $1 AND c.ended_at IS NULL AND c.kind = 'cluster'
		 GROUP BY c.id, m.name, v.version, p.name
		 ORDER BY c.created_at DESC LIMIT 50`, organization)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r org.ClusterRow, err error) {
		r.State = provisioner.ClusterReady
		err = row.Scan(&r.ID, &r.Name, &r.Reason, &r.ReasonDetail, &r.Version, &r.Pool, &r.Created, &r.LeaseEnds, &r.Nodes, &r.NodesReady)
		return r, err
	})
}
