// Package setup is what the mains share before their own story begins: configuration from the environment, the
// logger, the pool, and a server that stops gracefully. A main reads
//
//	func main() { setup.Main("web", run) }
//
//	func run(ctx context.Context, log *slog.Logger) error {
//		cfg, err := setup.ReadWebConfig()
//		if err != nil {
//			return err
//		}
//		setup.LogConfig(log, cfg)
//		pool, err := setup.Pool(ctx, cfg.DatabaseURL, setup.PoolOptions{Name: "web"})
//		...
//		return setup.ServeListener(ctx, log, listener, handler, setup.ServerTimes)
//	}
//
// Only the mains import it. Start at config.go.
package setup
