# gomine: mutual information by neural estimation.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Tools are run at fixed versions by the go command, which fetches them.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
GORELEASER  := github.com/goreleaser/goreleaser/v2@v2.16.0
CYCLONEDX   := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
BENCHTIME   ?= 1s
FUZZTIME    ?= 10s
# What runs programs for arm64 on other machines.
QEMU        := qemu-aarch64-static

# What was fetched or built for CUDA; nothing here is committed.
CACHE    := .cache
TOOLS    := $(CACHE)/tools
EMULATOR := $(CACHE)/emulator
NVCC     := $(CACHE)/nvcc
# The headers of CUDA 12.9 come first, whatever toolkit is installed:
# gorgonia.org/cu does not compile with those of 13.x, and the driver's binary
# interface is the same.
HEADERS11 := $(abspath $(TOOLS))/cu11/nvidia/cuda_runtime/include
HEADERS12 := $(abspath $(TOOLS))/cu12/nvidia/cuda_runtime/include
WITH_CUDA := CGO_CFLAGS=-I$(HEADERS12) CGO_LDFLAGS=-L$(abspath $(EMULATOR))
EMULATED  := $(WITH_CUDA) LD_LIBRARY_PATH=$(abspath $(EMULATOR))

.PHONY: help build man licenses test test-purego test-arm64 race bench bench-peers lint fmt cover fuzz generate clean \
	screenshots vulncheck package-files release-snapshot \
	kernels check-kernels cubins check-nvcc foreign-files emulator build-cuda test-emulator test-asan test-mutants vet-cuda bundle rehearse module build-duckdb test-duckdb

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# As in a release: arrow-go then does without a second JSON package, which has 1.4 MB.
RELEASE_TAGS := -tags arrow_json_stdlib

build: ## build bin/mine
	go build $(RELEASE_TAGS) -o bin/mine ./cmd/mine

man: ## write the manual pages to bin/man
	go run ./cmd/mine man bin/man

licenses: ## collect the licences of what the command is built from, for mine version --licenses
	go run ./cmd/mine/generate/licenses > cmd/mine/licenses.txt.new && mv cmd/mine/licenses.txt.new cmd/mine/licenses.txt

test: ## run all tests (a few minutes)
	go test -timeout 40m ./...

test-purego: ## run the tests of the CPU backend without assembly
	go test -tags purego ./cpu/...

# Not with many workers, which wait for each other too long in an emulator, and not 64 pairs a row, or finite
# differences in float64, which take minutes there and are tested on this machine.
ARM64_SKIP := ^TestThreads$$|^TestConformance$$/^threads=3$$|^TestConformance$$/^threads=1$$/^marginal_pairs$$/.*/.*/.*/^K=64$$|^TestGradientByDifferences$$

test-arm64: ## run the tests of the CPU backend for arm64 in an emulator (two minutes)
	@command -v $(QEMU) > /dev/null || { echo 'this needs $(QEMU): install qemu-user-static'; exit 1; }
	GOARCH=arm64 go vet ./cpu/...
	GOARCH=arm64 go test -exec $(QEMU) ./cpu/internal/f32
	GOARCH=arm64 go test -exec $(QEMU) -skip '$(ARM64_SKIP)' ./cpu

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
	cd cpu/internal/f32/asm && go vet ./... && go test ./... && go mod tidy -diff

fmt: ## format the sources
	gofmt -w .

cover: ## coverage per package
	go test -cover ./...

fuzz: ## fuzz every reader for FUZZTIME=10s
	@set -e; for pkg in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$pkg; \
	  done; \
	done

$(TOOLS)/done: kernels/generate/requirements.txt
	@command -v python3 > /dev/null || { echo 'this needs python3 with pip, to fetch the CUDA compiler and headers'; exit 1; }
	rm -rf $(TOOLS) && mkdir -p $(TOOLS)/wheels
	python3 -m pip download --quiet --no-deps --require-hashes -r $< -d $(TOOLS)/wheels
	cd $(TOOLS) && for wheel in wheels/*.whl; do \
	  case $$wheel in *_cu11-*) dir=cu11;; *) dir=cu12;; esac; python3 -m zipfile -e $$wheel $$dir; done
	rm -rf $(TOOLS)/wheels && chmod +x $(TOOLS)/cu12/nvidia/*/bin/*
	touch $@

kernels: $(TOOLS)/done ## compile the CUDA kernels: objectives, PTX, launch functions, report
	go run ./kernels/generate/objectives > kernels/objectives.cuh.new && mv kernels/objectives.cuh.new kernels/objectives.cuh
	python3 kernels/generate/generate.py $(TOOLS)/cu12

check-kernels: $(TOOLS)/done ## compile the CUDA kernels anew: the committed PTX must be theirs
	python3 kernels/generate/generate.py $(TOOLS)/cu12 check

cubins: $(TOOLS)/done ## assemble the kernels to .cache/cubins/sm_XX, for GOMINE_KERNELS: no compilation at the start
	python3 kernels/generate/generate.py $(TOOLS)/cu12 cubins $(CACHE)/cubins

$(NVCC)/done: kernels/generate/nvcc.txt
	rm -rf $(NVCC) && mkdir -p $(NVCC)/wheels
	python3 -m pip download --quiet --no-deps --require-hashes -r $< -d $(NVCC)/wheels
	cd $(NVCC) && for wheel in wheels/*.whl; do python3 -m zipfile -e $$wheel .; done
	rm -rf $(NVCC)/wheels && chmod +x $(NVCC)/nvidia/cu13/bin/* $(NVCC)/nvidia/cu13/nvvm/bin/*
	touch $@

check-nvcc: $(NVCC)/done ## compile the CUDA kernels with plain nvcc 13.5, any warning an error
	set -e; cd kernels; for source in *.cu; do \
	  $(abspath $(NVCC))/nvidia/cu13/bin/nvcc -std=c++17 -Werror all-warnings -arch=compute_80 -ptx $$source -o /dev/null; \
	done

# Files that others have written, of a pinned version of an npm package.
VEGA := https://registry.npmjs.org/vega-datasets/-/vega-datasets-3.2.1.tgz
VEGA_FILES := package/data/flights-3m.parquet package/data/flights-200k.arrow

$(CACHE)/vega/done:
	mkdir -p $(CACHE)/vega
	curl --fail --silent --show-error --output $(CACHE)/vega/vega.tgz $(VEGA)
	tar -xzf $(CACHE)/vega/vega.tgz -C $(CACHE)/vega $(VEGA_FILES)
	rm $(CACHE)/vega/vega.tgz
	touch $@

foreign-files: build $(CACHE)/vega/done ## read a Parquet and an Arrow file that others have written
	bin/mine columns $(CACHE)/vega/package/data/flights-200k.arrow
	bin/mine columns $(CACHE)/vega/package/data/flights-3m.parquet --rows 0:100000
	bin/mine estimate $(CACHE)/vega/package/data/flights-3m.parquet --x delay,distance --z date --sample 5000 --effort fast

# Chromium makes no window that is narrower than 500 pixels, so the page is in a frame of the width of a
# phone; the picture is made only if it fits that width. As root, Chromium does not start with its sandbox.
CHROMIUM := chromium --headless --hide-scrollbars --allow-file-access-from-files $(if $(filter 0,$(shell id -u)),--no-sandbox)
SHOTS    := $(CACHE)/screenshots

screenshots: build ## make a report of the diamonds and take its picture: bench/figures/report-*.png (a minute)
	mkdir -p $(SHOTS)
	bin/mine estimate bench/data/diamonds.csv --x carat,length_mm,width_mm,height_mm,table_pct --z price_usd --effort fast --report $(SHOTS)/report.html
	echo '<!DOCTYPE html><body style="margin:0"><iframe src="report.html" width="375" height="1300" style="border:0" onload="document.title = this.contentDocument.documentElement.scrollWidth"></iframe>' > $(SHOTS)/phone.html
	$(CHROMIUM) --dump-dom $(SHOTS)/phone.html 2> /dev/null | grep -q '<title>375</title>'
	$(CHROMIUM) --window-size=375,1300 --screenshot=bench/figures/report-phone.png $(SHOTS)/phone.html
	$(CHROMIUM) --window-size=1100,1720 --screenshot=bench/figures/report-light.png $(SHOTS)/report.html
	$(CHROMIUM) --window-size=1100,1720 --blink-settings=preferredColorScheme=0 --screenshot=bench/figures/report-dark.png $(SHOTS)/report.html

emulator: ## build the stand-in for the CUDA driver
	kernels/emulator/build.sh $(EMULATOR)

build-cuda: $(TOOLS)/done emulator ## build bin/mine-cuda, for a machine with an NVIDIA driver
	$(WITH_CUDA) go build -tags cuda -o bin/mine-cuda ./cmd/mine

test-emulator: $(TOOLS)/done emulator ## run the tests of the CUDA backend on the emulator (eight minutes)
	$(EMULATED) go vet -tags cuda ./cuda/...
	{ $(EMULATED) go test -tags cuda -timeout 30m -run 'TF32' ./cuda && \
	  $(EMULATED) GOMINE_EMULATOR_SEED=7 go test -tags cuda -timeout 30m -run '^TestConformance(Tiled|Fused)$$/^(gradient|evaluate)$$' ./cuda; } & tensor=$$!; \
	$(EMULATED) go test -tags cuda -timeout 30m -skip 'TF32' ./cuda/... ./cmd/... ./mine ./kernels/...; \
	rest=$$?; wait $$tensor && exit $$rest

test-asan: $(TOOLS)/done emulator ## the same kernels under AddressSanitizer
	kernels/emulator/build.sh $(EMULATOR)-asan asan
	$(WITH_CUDA) LD_LIBRARY_PATH=$(abspath $(EMULATOR))-asan LD_PRELOAD=$$(gcc -print-file-name=libasan.so) \
	  ASAN_OPTIONS=detect_leaks=0,abort_on_error=1,detect_stack_use_after_return=0 \
	  go test -tags cuda -timeout 30m -run 'Ways|Shapes|Padding|EvaluationAgrees|ModelAgrees' ./cuda

test-mutants: $(TOOLS)/done ## delete every barrier and guard of the kernels in turn: the tests must notice
	$(WITH_CUDA) python3 kernels/emulator/mutants.py $(CACHE)/mutants

vet-cuda: $(TOOLS)/done emulator ## vet and build with the tag cuda, against the headers of 11.8 and 12.9
	for headers in $(HEADERS11) $(HEADERS12); do \
	  CGO_CFLAGS=-I$$headers CGO_LDFLAGS=-L$(abspath $(EMULATOR)) go vet -tags cuda ./... && \
	  CGO_CFLAGS=-I$$headers CGO_LDFLAGS=-L$(abspath $(EMULATOR)) go build -tags cuda ./... || exit 1; \
	done

# The second tag is that of DuckDB's own Go bindings. A static DuckDB of 30 MB is fetched, for this platform alone.
DUCKDB := -tags duckdb,duckdb_arrow

build-duckdb: ## build bin/mine-duckdb, with mine ... --sql; needs a C++ compiler
	go build $(DUCKDB) -o bin/mine-duckdb ./cmd/mine

test-duckdb: ## run the tests of --sql (a minute)
	go vet $(DUCKDB) ./internal/duckdb ./cmd/mine
	go test $(DUCKDB) ./internal/duckdb
	go test $(DUCKDB) -run 'SQL|Database|Query|Help|Manual' ./cmd/mine

bundle: $(TOOLS)/done emulator ## everything to test and measure on a GPU machine without Go: bundle/
	python3 kernels/generate/generate.py $(TOOLS)/cu12 cubins $(CACHE)/bundled 90
	$(WITH_CUDA) CUBINS=$(CACHE)/bundled bench/gpu/bundle.sh bundle

rehearse: bundle ## run the bundle on the emulator, with what can go wrong (three minutes)
	bench/gpu/rehearse.sh bundle $(EMULATOR)

module: ## rename the module, for go get: MODULE=example.org/you/gomine
	@.ci/module '$(MODULE)'

vulncheck: ## look for known vulnerabilities; says so where their database cannot be reached
	.ci/vulncheck $(GOVULNCHECK)

# What a release has beside the program; their time is SOURCE_DATE_EPOCH, if that is set.
package-files:
	rm -rf bin/package && mkdir -p bin/package/man bin/package/completions
	go run ./cmd/mine man bin/package/man
	gzip -9 -n bin/package/man/*
	go run ./cmd/mine version --licenses > bin/package/licenses.txt
	for shell in bash zsh fish; do go run ./cmd/mine completion $$shell > bin/package/completions/mine.$$shell || exit 1; done

RELEASE := $(CACHE)/release
$(RELEASE)/done: Makefile
	GOBIN=$(abspath $(RELEASE)) go install $(CYCLONEDX)
	GOBIN=$(abspath $(RELEASE)) go install $(GORELEASER)
	touch $@

# A repository without a remote is taken for its own: goreleaser asks for one even where it publishes
# nothing, and otherwise forgets which commit it builds.
OWN_REMOTE := GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url GIT_CONFIG_VALUE_0=file://$(CURDIR)

# Without a network but the registries. It goes to .cache/dist: archives, packages, what they are built from.
release-snapshot: $(RELEASE)/done ## build a release without publishing it (ten minutes)
	$(if $(shell git remote),,$(OWN_REMOTE)) PATH=$(abspath $(RELEASE)):$$PATH goreleaser release --snapshot --clean

generate: ## write the assembly kernels anew
	go generate ./cpu/...

clean: ## remove what was built and fetched
	rm -rf bin bundle $(CACHE)
