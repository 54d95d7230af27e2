# make        lists what there is
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build demo live test lint test-e2e test-servers test-training train experiments bench chaos fuzz generate clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: ## get what building and running needs (idempotent, cached outside the tree)
	@scripts/setup.sh

build: setup ## bin/valence
	@mkdir -p bin
	@[ -x bin/valence ] || echo '==> building bin/valence (a minute or two the first time)' >&2
	@go build -trimpath -o bin/valence ./cmd/valence

demo: build ## score the call that ships with the repository, show the result
	@scripts/demo.sh

live: build ## open a page that shows your own sentiment over your picture, as you speak
	@bin/valence serve

test: setup ## all tests of the Go program, under the race detector
	@[ -d $${VALENCE_DATA:-../shared/data} ] || echo '==> the training data is not here: the tests that read it are skipped' >&2
	@go vet ./...
	@GODEBUG=cgocheck=1 go test -race -timeout 15m ./...

lint: setup ## golangci-lint, ruff, shell and Dockerfile checks
	@scripts/lint.sh

test-e2e: build ## a real browser and a foreign WebRTC client against bin/valence (installs Chromium)
	@scripts/test-e2e.sh

test-servers: setup ## against a real Apache Kafka and a real Redis (gets both into the cache)
	@scripts/test-servers.sh

chaos: build ## kill, freeze and starve the parts of a running whole, ROUNDS times each (1); KIND=kill,... for some
	@scripts/chaos.sh $(or $(ROUNDS),1) $(KIND)

test-training: build ## tests, ruff and mypy of training/ (installs PyTorch into the cache)
	@scripts/test-training.sh

train: build ## train the default model anew from ../shared/data (hours; goes on where it stopped)
	@scripts/train.sh

experiments: build ## run the experiments that are missing, write docs/results.md (hours; ONLY=mmmo,... for some)
	@scripts/experiments.sh $(if $(ONLY),--only $(ONLY))

bench: build ## what each stage costs here
	@bin/valence bench

fuzz: setup ## each fuzz target for a minute
	@scripts/fuzz.sh

generate: ## the Go code of the schemas in api/, checked for compatibility
	@scripts/generate.sh

clean: ## remove what was built in the tree
	@rm -rf bin out
