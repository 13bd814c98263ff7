# Everything runs in .venv, which the first target that needs it makes; constraints.txt pins what goes in.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
SOURCES := $(shell find otgen -type f -name '*.py' -o -name '*.j2' -path 'otgen/*') pyproject.toml constraints.txt
PARTS := core others  # of the tests, for two cores
OTHERS := nn lab divergences conformance proofs laws

.PHONY: help demo test coverage $(PARTS:%=tests-of-%) tests-of-lines oldest newest nightly fuzz mutants bench device lint types layers doctest docs page pages check wheel audit lock locked clean

help:  ## Say what the targets do
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/made:
	$(PYTHON) -m venv $(VENV)
	@touch $@

# The built wheel is installed, not the source tree: what the tests see is what a user gets.
$(VENV)/demo: $(VENV)/made $(SOURCES)
	$(INSTALL) '.[cli,plot,sklearn]'
	@touch $@

$(VENV)/dev: $(VENV)/demo tools/dev-requirements.txt
	$(INSTALL) torch==2.13.0
	$(INSTALL) -r tools/dev-requirements.txt
	@touch $@

demo: $(VENV)/demo  ## Compare real digits and write report.html
	cd $(VENV) && bin/otgen demo --out ../report.html --force

# No test asserts seconds, so the PARTS run side by side, one thread each. Compiled beforehand, kernels are compiled once.
RUN = COVERAGE_FILE=.coverage.$(@:tests-of-%=%) OMP_NUM_THREADS=1 $(BIN)/pytest $(TRACED)

test: $(VENV)/dev  ## Run the tests
	$(BIN)/otgen warmup --quiet
	$(MAKE) -j2 $(PARTS:%=tests-of-%)

# Tracing takes a third as long again; so it has the tests that show lines of their own, and steps through the kernels' source as well.
coverage: $(VENV)/dev  ## Which lines the tests run, 95 % at least
	$(BIN)/otgen warmup --quiet
	$(MAKE) -j2 $(PARTS:%=tests-of-%) tests-of-lines TRACED='--cov --cov-report='
	$(BIN)/coverage combine -q $(PARTS:%=.coverage.%) .coverage.lines
	$(BIN)/coverage report --fail-under=95 --skip-covered

tests-of-core:
	$(RUN) tests $(OTHERS:%=--ignore=tests/%) --ignore=tests/test_types.py

tests-of-others:
	$(RUN) $(OTHERS:%=tests/%)

STEPPED := test_line_stack.py::test_intervals_hold_the_truth_and_are_those_of_each_alone \
	$(foreach case,16-2-1 120-3-8 179-2-2,test_two_sample.py::TestAgainstEveryDeal::test_an_auction_among_near_points_bounds_the_distance_from_both_sides[$(case)])

tests-of-lines: export NUMBA_DISABLE_JIT = 1
tests-of-lines:  # tests/conformance/conftest.py says which of them step through lines that the others do not
	$(RUN) tests/conformance $(STEPPED:%='tests/distances/%')

# What pyproject.toml declares, at either end; without extras. The lower pins are those of its dependencies.
OLDEST := numpy==2.0.0 scipy==1.13.0 numba==0.61.0
OLDEST_PYTHON ?= python3.11
NEWEST_PYTHON ?= python3.13
CORE := tests/test_api.py tests/test_hard_cases.py tests/distances/test_exact.py tests/proofs
TOOLS := pytest pytest-benchmark hypothesis POT mpmath
ENDS := $(VENV)/oldest/made $(VENV)/newest/made

$(VENV)/oldest/made: WITH = $(OLDEST_PYTHON)
$(VENV)/newest/made: WITH = $(NEWEST_PYTHON)
$(VENV)/oldest/made: PINS = $(OLDEST)
$(ENDS): $(SOURCES)
	$(WITH) -m venv $(@D)
	grep -vE '^(numpy|scipy|numba|llvmlite)==' constraints.txt > $(@D)/constraints.txt
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c $(@D)/constraints.txt . $(PINS) $(TOOLS)
	@touch $@

oldest: $(VENV)/oldest/made  ## A part of the tests with the oldest versions that are declared
	$(VENV)/oldest/bin/pytest -q -p no:cacheprovider $(CORE)

newest: $(VENV)/newest/made  ## The same with the newest
	$(VENV)/newest/bin/pytest -q -p no:cacheprovider $(CORE)

nightly: export HYPOTHESIS_PROFILE = nightly
nightly: $(VENV)/dev fuzz  ## The long fuzz runs as well, and every kernel stepped through
	$(BIN)/pytest
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest tests/conformance

EXAMPLES := 1000000
fuzz: $(VENV)/dev  ## A million examples of all calls; goes on from fuzz.json, where faults are told with what repeats them
	OMP_NUM_THREADS=1 PYTHONPATH=. $(BIN)/python -m tests.fuzz --count $(EXAMPLES) --state fuzz.json --processes 2

$(VENV)/mutants: $(VENV)/dev tools/mutation/requirements.txt
	$(INSTALL) -r tools/mutation/requirements.txt
	@touch $@

# Children are forked, so kernels have no threads; examples are the same each time.
mutants: export OTGEN_NUM_THREADS = 1
mutants: export OMP_NUM_THREADS = 1
mutants: export HYPOTHESIS_PROFILE = ci
mutants: $(VENV)/mutants  ## Do the tests notice changed lines in proofs, units, inputs, solvers? Goes on from mutants/; fails where fewer are noticed
	PYTHONPATH=tools $(BIN)/python -m mutation

bench: $(VENV)/dev  ## Run the benchmarks; nothing else should run meanwhile
	$(BIN)/pytest benchmarks --benchmark-only --benchmark-disable-gc -s

device:  ## What only a GPU can tell: tests and rows into device.json, with the PYTHON that has cupy and torch
	PYTHONPATH=. $(PYTHON) benchmarks/device.py --out device.json

lint: $(VENV)/dev  ## ruff
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/dev  ## pyright, and what an editor marks
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/pytest -q tests/test_types.py

layers: $(VENV)/dev  ## Which floor may import which
	$(BIN)/lint-imports

doctest: $(VENV)/dev  ## Every example in a docstring and in the documentation
	cd $(VENV) && bin/pytest --doctest-modules --pyargs otgen -c ../pyproject.toml --rootdir .. -p no:cacheprovider -q
	cd $(VENV) && bin/pytest --doctest-glob='*.rst' ../docs --ignore=../docs/gallery --ignore=../docs/generated \
		--ignore=../docs/api/generated -c ../pyproject.toml --rootdir .. -p no:cacheprovider -q

docs: $(VENV)/dev  ## The documentation, warnings as errors
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build
	$(BIN)/python tools/check_docs.py docs/_build

page: $(VENV)/dev demo  ## Look at the report in a browser
	$(BIN)/python tools/check_page.py report.html

pages: docs  ## Look at every page of the documentation in a browser, on a phone too
	$(BIN)/python tools/check_docs.py docs/_build --look

check: test coverage lint types layers doctest docs page pages  ## All of it

$(VENV)/release/made: tools/release-requirements.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The environment is empty but for the wheel and what that needs; its list is what a user gets, with the versions tested here.
wheel: $(VENV)/release/made  ## Wheel, sdist and bill of materials in dist/, tried in an empty environment
	rm -rf dist $(VENV)/empty
	$(VENV)/release/bin/python -m build --outdir dist >/dev/null
	$(PYTHON) -m venv $(VENV)/empty
	$(VENV)/empty/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt "$$(ls $(CURDIR)/dist/*.whl)[cli]"
	cd $(VENV) && empty/bin/otgen doctor
	$(VENV)/release/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml $(VENV)/empty -o dist/otgen.cdx.json

# Hashes of the files of every platform, so that one list serves all. torch is left out: its builds for CPU and CUDA are different files of one version.
lock: $(VENV)/release/made  ## Write tools/dev-lock.txt, the hashes of what is pinned
	grep -v '^torch==' constraints.txt | $(VENV)/release/bin/uv pip compile --quiet --no-deps --no-header --no-annotate --generate-hashes \
		--python-version 3.11.7 --output-file tools/dev-lock.txt -

$(VENV)/locked/made: tools/dev-lock.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

locked: $(VENV)/locked/made  ## What is pinned, in an environment of its own, each file refused whose hash is another

audit: $(VENV)/release/made  ## Look for known holes in what is pinned; fails where there is no data
	$(VENV)/release/bin/pip-audit --strict --no-deps --disable-pip -r constraints.txt

clean:
	rm -rf $(VENV) .pytest_cache/emulated mutants dist docs/_build docs/gallery docs/generated docs/api/generated report.html
