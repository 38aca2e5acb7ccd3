# Verbs in front of Meson. `./run` and `./check` install what is missing first.
BUILD ?= build
.PHONY: all test sanitize fuzz e2e bench soak lint format clean dist deb

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD)

test: all
	meson test -C $(BUILD) --print-errorlogs

build-asan/build.ninja:
	CC=clang meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false \
	  -Dslow_asserts=true -Dfuzzers=true -Dnginx=disabled

sanitize: build-asan/build.ninja
	ninja -C build-asan
	meson test -C build-asan --suite unit --print-errorlogs

# The Python clients of the tests live in .venv (see scripts/install).
PYTHON = PATH=$(CURDIR)/.venv/bin:$$PATH python3

e2e: all
	$(PYTHON) -m pytest -q tests/e2e

bench: all
	meson configure $(BUILD) -Dbench=true
	ninja -C $(BUILD)
	bench/run
	$(BUILD)/bench/bench_log
	BUILD=$(BUILD) bench/cedar/run

soak: all
	WEIR_WORLDS=100000 $(BUILD)/tests/test_worlds
	$(BUILD)/tests/faults/journal_kill $(BUILD)/writer/weir-writer 200
	$(PYTHON) -m pytest -q tests/faults --rounds 200
	WEIR_BUILD=$(BUILD) $(PYTHON) bench/streams.py --streams 20000 --gap 15000 --events 10
	WEIR_BUILD=$(BUILD) $(PYTHON) bench/files.py --mib 512
	tests/cedar-differential/check --count 1000000
	PATH=$(CURDIR)/.venv/bin:$$PATH scripts/run_module_asan tests/e2e \
	  --deselect tests/e2e/test_queue.py::test_calls_are_shed_before_memory_ends # by malloc's own figures

lint:
	./check layers docs format tidy

fuzz:
	FUZZ_SECONDS=600 ./check sanitize fuzz

deb:
	scripts/make_deb

dist:
	git archive --prefix=weir-$$(cat VERSION)/ -o weir-$$(cat VERSION).tar.gz HEAD

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf $(BUILD) build-asan build-module-asan
