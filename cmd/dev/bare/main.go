// Command bare is what `go run ./cmd/dev bench` compares the portal with. For pages: the same page, from one query for
// its rows and one for its filters, by echo, pgx and templ with nothing around it. No session, no policy, no log, no layers.
// For uploads, where BARE_UPLOADS names a folder: tusd's handler over its files there.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"

	"volary.dev/provisioner"
	"volary.dev/web/layout"
	"volary.dev/web/org"
	"volary.dev/web/ui"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run() error {
	if folder := os.Getenv("BARE_UPLOADS"); folder != "" {
		return serveUploads(os.Getenv("BARE_LISTEN"), folder)
	}
	pool, err := pgxpool.New(context.Background(), os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	organization := os.Getenv("BARE_ORGANIZATION")
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/", func(c echo.Context) error {
		p := org.ClusterListProps{
			Layout: layout.Props{
				Area: layout.AreaOrg, Person: &layout.Person{Name: "Ada Brook", Email: "ada@tidal.example"},
				Organization: "Tidal Modelling Group", Simulated: true, Now: time.Now().UTC(),
			},
			List: ui.ListProps{Path: "/org/clusters", PerPage: 50}, MayLaunch: true,
		}
		if err := fill(c.Request().Context(), pool, organization, &p); err != nil {
			return err
		}
		c.Response().Header().Set(echo.HeaderContentType, echo.MIMETextHTMLCharsetUTF8)
		slips := ui.Slips{Place: "org:" + organization, NewID: uuid.NewString}
		return org.ClusterList(p).Render(ui.WithSlips(c.Request().Context(), slips), c.Response())
	})
	if err := e.Start(os.Getenv("BARE_LISTEN")); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// fill reads what the page shows: the clusters, and the pools that its filters name.
func fill(ctx context.Context, pool *pgxpool.Pool, organization string, p *org.ClusterListProps) error {
	rows, _ := pool.Query(ctx, `
		SELECT c.id, c.name, c.reason, c.reason_detail, m.name || ' ' || v.version, p.name, c.created_at,
		       coalesce(c.lease_ends_at, 'epoch'), count(n.id), count(n.id) FILTER (WHERE n.state = 'ready'),
		       coalesce((SELECT sum(extract(epoch FROM ended_at - started_at)::bigint * rate) FROM runs WHERE cluster_id = c.id), 0)::bigint
		  FROM clusters c
		  JOIN model_versions v ON v.id = c.version_id
		  JOIN model_clusters m ON m.id = v.model_cluster_id
		  JOIN pools p ON p.id = c.pool_id
		  LEFT JOIN nodes n ON n.cluster_id = c.id
		 WHERE c.organization_id = $1 AND c.ended_at IS NULL AND c.kind = 'cluster'
		 GROUP BY c.id, m.name, v.version, p.name
		 ORDER BY c.created_at DESC LIMIT 50`, organization)
	var err error
	if p.Clusters, err = pgx.CollectRows(rows, toCluster); err != nil {
		return err
	}
	p.List.Total = len(p.Clusters)
	for _, c := range p.Clusters {
		p.UsedMCS += c.UsedMCS
	}
	rows, _ = pool.Query(ctx, `
		SELECT p.id::text, p.name, pr.id::text, pr.name FROM pools p JOIN providers pr ON pr.id = p.provider_id ORDER BY pr.name, p.name`)
	var place, provider ui.Option
	_, err = pgx.ForEachRow(rows, []any{&place.Value, &place.Label, &provider.Value, &provider.Label}, func() error {
		p.Pools = append(p.Pools, ui.Option{Value: place.Value, Label: place.Label + ", " + provider.Label})
		if !slices.Contains(p.Providers, provider) {
			p.Providers = append(p.Providers, provider)
		}
		return nil
	})
	return err
}

func toCluster(row pgx.CollectableRow) (r org.ClusterRow, err error) {
	r.State = provisioner.ClusterReady
	err = row.Scan(&r.ID, &r.Name, &r.Reason, &r.ReasonDetail, &r.Version, &r.Pool, &r.Created, &r.LeaseEnds, &r.Nodes, &r.NodesReady, &r.UsedMCS)
	return r, err
}
