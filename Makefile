# gomine: mutual information by neural estimation.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Tools are run at fixed versions by the go command, which fetches them.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHTIME   ?= 1s
FUZZTIME    ?= 10s

.PHONY: help build test test-purego race bench bench-peers lint fmt cover fuzz generate clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/mine
	go build -o bin/mine ./cmd/mine

test: ## run all tests (a few minutes)
	go test ./...

test-purego: ## run the tests of the CPU backend without assembly
	go test -tags purego ./cpu/...

race: ## run the tests under the race detector (slow)
	go test -race -short ./...

bench: ## run the benchmarks; BENCHTIME=1s
	go test -run '^$$' -bench . -benchtime $(BENCHTIME) ./...

bench-peers: ## compare with PyTorch, JAX and OpenBLAS; makes its own Python environment
	go run ./bench/peers

lint: ## formatting, vet, staticcheck, tidy modules, generated code
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'not formatted: run make fmt'; exit 1; }
	go vet ./...
	go vet -tags purego ./cpu/...
	go run $(STATICCHECK) ./...
	go mod tidy -diff
	cd cpu/internal/f32/asm && go vet ./... && go mod tidy -diff

fmt: ## format the sources
	gofmt -w .

cover: ## coverage per package
	go test -cover ./...

fuzz: ## fuzz every reader for FUZZTIME=10s
	@set -e; for pkg in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

generate: ## write the assembly kernels anew
	go generate ./...

clean: ## remove what was built
	rm -rf bin
