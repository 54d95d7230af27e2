package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/valence-live/valence/internal/telemetry"
)

// connect makes the client. Whether it speaks to one server, to the one that
// Sentinels name or to a cluster is go-redis' own rule (NewUniversalClient).
func connect(cfg Config, set telemetry.Settings) (redis.UniversalClient, error) {
	tls, err := cfg.TLS.config()
	if err != nil {
		return nil, err
	}
	password, sentinel, err := cfg.passwords()
	if err != nil {
		return nil, err
	}
	redis.SetLogger(logger{telemetry.NewTrouble(set.Logger, "trouble with Redis")})
	return redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: cfg.Addresses, IsClusterMode: cfg.Cluster, MasterName: cfg.Master, DB: cfg.DB,
		Username: cfg.Username, Password: password,
		SentinelUsername: cfg.SentinelUsername, SentinelPassword: sentinel,
		TLSConfig: tls, ClientName: "valence",
		// One repeat at once, on a fresh connection: those in the pool are dead after
		// the server was restarted. Further ones are the caller's.
		MaxRetries: 1, DialerRetries: 1,
		DialTimeout: cfg.Timeout, ReadTimeout: cfg.Timeout, WriteTimeout: cfg.Timeout, PoolTimeout: cfg.Timeout,
		ContextTimeoutEnabled: true,
		PoolSize:              flights + 2, PipelinePoolSize: -1,
		// Reports of planned moves are sent by Redis Enterprise alone.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}), nil
}

// eraseLimit bounds an Erase, which reads the whole history of a call.
func eraseLimit(cfg Config) time.Duration { return max(10*cfg.Timeout, 10*time.Second) }

// logger takes what go-redis has to say, which it says in one place for the
// whole process.
type logger struct{ trouble *telemetry.Trouble }

// Printf implements the interface that redis.SetLogger asks for.
func (l logger) Printf(ctx context.Context, format string, args ...any) {
	l.trouble.Warn(ctx, fmt.Errorf(format, args...))
}
