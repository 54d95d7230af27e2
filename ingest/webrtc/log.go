package webrtc

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLog hands what pion logs to slog, all of it as debug: its warnings are
// about what clients do, at their rate.
type pionLog struct {
	logger *slog.Logger
	scope  string
}

// NewLogger implements logging.LoggerFactory.
func (l pionLog) NewLogger(scope string) logging.LeveledLogger {
	return pionLog{logger: l.logger, scope: scope}
}

func (l pionLog) log(level, format string, args ...any) {
	if ctx := context.Background(); l.logger.Enabled(ctx, slog.LevelDebug) {
		l.logger.LogAttrs(ctx, slog.LevelDebug, "pion says", slog.String("scope", l.scope), slog.String("level", level), slog.String("text", fmt.Sprintf(format, args...)))
	}
}

func (l pionLog) Trace(string)                 {}
func (l pionLog) Tracef(string, ...any)        {}
func (l pionLog) Debug(string)                 {}
func (l pionLog) Debugf(string, ...any)        {}
func (l pionLog) Info(msg string)              { l.log("info", "%s", msg) }
func (l pionLog) Infof(f string, args ...any)  { l.log("info", f, args...) }
func (l pionLog) Warn(msg string)              { l.log("warn", "%s", msg) }
func (l pionLog) Warnf(f string, args ...any)  { l.log("warn", f, args...) }
func (l pionLog) Error(msg string)             { l.log("error", "%s", msg) }
func (l pionLog) Errorf(f string, args ...any) { l.log("error", f, args...) }
