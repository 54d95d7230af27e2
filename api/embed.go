// Package api holds the description of the program's interfaces.
package api

import _ "embed" // the document

//go:embed openapi.yaml
var openAPI string

// OpenAPI returns the OpenAPI document of the HTTP interface, in YAML. The
// caller owns the bytes.
func OpenAPI() []byte { return []byte(openAPI) }
