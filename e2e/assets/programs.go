//go:build programs

// Package assets keeps the programs in go.mod; nothing imports it.
package assets

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
