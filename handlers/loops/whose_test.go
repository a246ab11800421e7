package loops_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// TestOwnFaultsDoNotEndALaunch lets the database refuse a write, and the image store a read, more often than a host would be
// forgiven. Once they work again the launch goes on.
func TestOwnFaultsDoNotEndALaunch(t *testing.T) {
	t.Parallel()
	t.Run("database", func(t *testing.T) {
		t.Parallel()
		b := loopstest.NewBench(t)
		b.Exec(t, `CREATE SEQUENCE refused; GRANT USAGE ON SEQUENCE refused TO PUBLIC`) // counts although the transaction is rolled back
		b.Exec(t, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN PERFORM nextval('refused'); RAISE EXCEPTION 'the disk of the database is full'; END $$`)
		b.Exec(t, `CREATE TRIGGER refuse BEFORE UPDATE ON nodes FOR EACH ROW WHEN (NEW.state = 'starting') EXECUTE FUNCTION refuse()`)
		b.Worker(t, "one")
		id := b.Launch(t, "trial-1", 0)
		waittest.Until(t, "more refusals than a host is forgiven", func() bool {
			var n int
			loopstest.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT last_value FROM refused`).Scan(&n))
			return n >= 4
		})
		b.Exec(t, `DROP TRIGGER refuse ON nodes`)
		b.UntilState(t, id, provisioner.ClusterReady)
	})
	t.Run("image store", func(t *testing.T) {
		t.Parallel()
		b := loopstest.NewBench(t)
		e := b.Engine("one", b.DB, b.Simulated.Dial)
		var tries atomic.Int32
		e.OpenImage = func(context.Context, string) (io.ReadCloser, error) {
			switch n := tries.Add(1); {
			case n <= 2:
				return nil, context.DeadlineExceeded
			case n <= 4:
				return io.NopCloser(io.MultiReader(bytes.NewReader(loopstest.Disk[:10]), broken{})), nil
			default:
				return io.NopCloser(bytes.NewReader(loopstest.Disk)), nil
			}
		}
		b.Work(t, e)
		b.UntilState(t, b.Launch(t, "trial-1", 0), provisioner.ClusterReady)
	})
}

// broken is a reader whose disk gave out.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("input/output error") }
