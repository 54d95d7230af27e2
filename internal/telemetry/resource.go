package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
)

// Scope is the instrumentation scope of everything that valence records.
const Scope = "github.com/valence-live/valence"

// serviceAttributes name the process; OTEL_SERVICE_NAME and
// OTEL_RESOURCE_ATTRIBUTES override them.
func serviceAttributes(version string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("service.name", "valence"),
		attribute.String("service.version", version),
	}
}
