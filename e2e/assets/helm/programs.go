//go:build programs

// Package helm keeps the program in go.mod; nothing imports it.
package helm

import (
	_ "helm.sh/helm/v3/cmd/helm"
)
