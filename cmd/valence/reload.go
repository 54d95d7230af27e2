package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/valence-live/valence/internal/pipeline"
)

// reloadOnHangup reads the model again whenever the process gets SIGHUP, until
// the returned function is called. A model that is refused changes nothing.
func reloadOnHangup(ctx context.Context, engine *pipeline.Engine, logger *slog.Logger) (stop func()) {
	hangups, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-hangups:
				if err := engine.Reload(ctx); err != nil {
					logger.WarnContext(ctx, "the model was not reloaded", slog.Any("error", err))
					continue
				}
				m := engine.Model()
				logger.InfoContext(ctx, "the model was reloaded", slog.String("name", m.Name), slog.String("version", m.Version))
			case <-done:
				return
			}
		}
	})
	return func() {
		signal.Stop(hangups)
		close(done)
		running.Wait()
	}
}
