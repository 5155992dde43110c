# SPDX-License-Identifier: Apache-2.0
# A thin face over CMake presets; `cmake --preset release && cmake --build --preset release` does the same.
PRESET ?= release
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
TOOL ?=
.DEFAULT_GOAL := build
.PHONY: help build run test bench asan tsan tidy format format-check fuzz coverage lint install deb clean soak fault

help: ## what each target does
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 16

build: ## release build: build/release/sallyport
	@tools/bootstrap.sh build
	@cmake --preset release -DSALLYPORT_TESTS=OFF >/dev/null
	@cmake --build --preset release -j $(JOBS)

run: ## guard a small real tool of ours (or TOOL='command ...') and print the URL and a login link
	@tools/bootstrap.sh build
	@cmake --preset release -DSALLYPORT_TESTS=OFF >/dev/null
	@cmake --build --preset release -j $(JOBS) --target sallyport
	@tools/run.sh $(TOOL)

test: ## build and run every kind of test, real tools and browser included
	@tools/bootstrap.sh build test interop deb
	@cmake --preset release -DSALLYPORT_TESTS=ON
	@cmake --build --preset release -j $(JOBS)
	@ctest --preset release -j $(JOBS) $(CTEST_ARGS)

asan tsan: ## the unit and integration tests under AddressSanitizer + UBSan, or ThreadSanitizer
	@tools/bootstrap.sh build test
	@cmake --preset $(if $(filter asan,$@),asan-ubsan,tsan) >/dev/null
	@cmake --build --preset $(if $(filter asan,$@),asan-ubsan,tsan) -j $(JOBS)
	@ctest --preset $(if $(filter asan,$@),asan-ubsan,tsan) -j $(JOBS) -LE 'e2e|interop|browser' $(CTEST_ARGS)

bench: ## micro-benchmarks and the paired suite against nginx, nginx+auth_request and HAProxy, one table
	@tools/bootstrap.sh build bench
	@cmake --preset bench >/dev/null
	@cmake --build --preset bench -j $(JOBS)
	@tools/bench.sh

lint: format-check ## layer check, formatting, header self-containment, clang-tidy
	@tools/check_layers.py src/sallyport --floors tools/floors.txt
	@cmake --preset release >/dev/null && cmake --build --preset release -j $(JOBS) --target all_verify_interface_header_sets
	@$(MAKE) --no-print-directory tidy

tidy: ## clang-tidy over the library and the program
	@tools/bootstrap.sh build lint
	@cmake --preset tidy >/dev/null && cmake --build --preset tidy -j $(JOBS)

format: ## clang-format in place
	@tools/bootstrap.sh lint
	@git ls-files '*.h' '*.cc' | xargs clang-format-14 -i

format-check: ## clang-format, checking only
	@tools/bootstrap.sh lint
	@git ls-files '*.h' '*.cc' | xargs clang-format-14 --dry-run -Werror

fuzz: ## each fuzz target for FUZZ_SECONDS (default 600)
	@tools/bootstrap.sh build lint
	@cmake --preset fuzz >/dev/null && cmake --build --preset fuzz -j $(JOBS) --target fuzz_targets
	@tools/fuzz.sh build/fuzz $(or $(FUZZ_SECONDS),600)

coverage: ## line coverage by module of the unit and integration tests (MODULE=name lists what is missed there)
	@tools/bootstrap.sh build test coverage
	@cmake --preset coverage >/dev/null && cmake --build --preset coverage -j $(JOBS)
	@find build/coverage -name '*.gcda' -delete
	@ctest --test-dir build/coverage -j $(JOBS) -LE 'e2e|interop|browser|install' --output-on-failure $(CTEST_ARGS)
	@tools/coverage.py build/coverage $(if $(MODULE),--files $(MODULE))

soak: ## the slow end-to-end tests: 10 GiB bodies, many connections
	@$(MAKE) --no-print-directory build
	@SALLYPORT_BIN=$(CURDIR)/build/release/sallyport python3 -m pytest -q tests/e2e -m slow

fault: ## kill a gateway hundreds of times, at any moment, and look for what it lost: ROUNDS=400
	@$(MAKE) --no-print-directory build
	@SALLYPORT_FAULT_ROUNDS=$(or $(ROUNDS),400) SALLYPORT_BIN=$(CURDIR)/build/release/sallyport python3 -m pytest -q tests/e2e/test_survival.py -k killed_at_any_moment

install: build ## install to PREFIX
	@cmake --install build/release --prefix $(PREFIX)

deb: build ## two Debian packages in build/: the program, and headers with libraries
	@tools/bootstrap.sh deb
	@cpack --config build/release/CPackConfig.cmake -G DEB -B build

clean: ## remove what was built
	@rm -rf build
