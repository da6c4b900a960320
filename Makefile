# Every target does its own set-up on a fresh clone.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

RUN_PACKAGES := nftables libnftables1 iptables iproute2 conntrack
LAB_PACKAGES := $(RUN_PACKAGES) ca-certificates openssl curl nginx-light redis-server postgresql dnsmasq dnsutils
TEST_PACKAGES := $(LAB_PACKAGES) chromium iperf3 ncat python3-scapy tcpdump containernetworking-plugins
BENCH_PACKAGES := $(TEST_PACKAGES) haproxy wrk
KUBE_PACKAGES := etcd-server
CLUSTER_PACKAGES := $(RUN_PACKAGES) $(KUBE_PACKAGES) containerd runc containernetworking-plugins busybox-static dnsmasq

.PHONY: lab test test-lab test-kube e2e-cluster fuzz check bench conformance deb build clean
lab: node_modules lab-packages build
	./bin/sekisho lab $(LAB_ARGS)

test: node_modules test-packages build
	vitest run --project unit --project netns --project browser $(TEST_ARGS)

# Whole labs: programs, server, agent, console and attacks on one machine, some minutes each.
test-lab: node_modules test-packages build
	vitest run --project lab $(TEST_ARGS)

# What runs against a real API server, and the chart; kube-apiserver and helm are built once, which takes ten minutes.
test-kube: node_modules kube-packages
	./e2e/assets/build kube-apiserver kubectl
	./e2e/assets/helm/build
	vitest run --project kube $(TEST_ARGS)

# A cluster of two nodes on this machine, in namespaces of its own that nothing outlives: some minutes, once the
# programs of Kubernetes and Helm are built, which takes a quarter of an hour.
e2e-cluster: node_modules cluster-packages
	./e2e/assets/build kube-apiserver kubelet kube-controller-manager kube-scheduler kube-proxy kubectl
	./e2e/assets/helm/build
	./e2e/assets/containerd/build
	./e2e/cluster/run vitest run --project cluster $(TEST_ARGS)

# The same properties as in the tests, for much longer.
fuzz: node_modules
	SEKISHO_FUZZ_RUNS=$${SEKISHO_FUZZ_RUNS:-50000} vitest run --project unit --testTimeout 0 packages/inspect

check: node_modules
	tsc --noEmit
	biome check .
	oxlint --type-aware --deny-warnings
	vitest run --project unit architecture.test.ts

bench: node_modules bench-packages
	node bench/main.ts $(BENCH_ARGS)

conformance: node_modules
	node conformance/main.ts $(CONFORMANCE_ARGS)

# A Debian package of all programs, for hosts outside of a cluster.
deb: node_modules build
	./deploy/debian/build

# The console is the only part that needs building.
build: apps/console/dist/index.html
apps/console/dist/index.html: node_modules $(shell find apps/console packages/*/src -type f -not -path '*/dist/*' -not -path '*/node_modules/*')
	cd apps/console && vite build

node_modules: package-lock.json
	npm ci --ignore-scripts
	@touch node_modules

.PHONY: lab-packages test-packages bench-packages kube-packages cluster-packages
lab-packages:
	@./scripts/packages $(LAB_PACKAGES)
test-packages:
	@./scripts/packages $(TEST_PACKAGES)
bench-packages:
	@./scripts/packages $(BENCH_PACKAGES)
kube-packages:
	@./scripts/packages $(KUBE_PACKAGES)
cluster-packages:
	@./scripts/packages $(CLUSTER_PACKAGES)

clean:
	rm -rf out .cache apps/console/dist
