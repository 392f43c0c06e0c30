# Everything this repository's own work needs stays in .venv and build/.

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
UV_PIN := {{cookiecutter.project_slug}}/ansible/roles/prefect_worker/files/uv.txt
SERVER_PINS := {{cookiecutter.project_slug}}/ansible/roles/prefect_server/files/requirements.txt
INSTALLED := .venv/installed
BUILD := $(CURDIR)/build
TEMPLATE := {{cookiecutter.project_slug}}
BAKE := $(BIN)/cookiecutter --no-input --overwrite-if-exists

DURABLE := {{cookiecutter.project_slug}}/src/prefect_durable
TOOLS := {{cookiecutter.project_slug}}/tools
PYTHON_FOLDERS := answers.py $(wildcard ansible benchmarks hooks tests tools) '$(DURABLE)' '$(TOOLS)' templates/tools
# What each work pool installs with each result storage.
PINS := $(foreach pool,process docker,$(foreach storage,local s3 azure gcs,$(pool)-$(storage))) \
	$(foreach pool,kubernetes ecs,$(foreach storage,s3 azure gcs,$(pool)-$(storage)))
OLDEST_PYTHON := $(shell sed -n 's/^requires-python = ">=\([0-9.]*\).*/\1/p' pyproject.toml)
COMPILE := $(UV) pip compile --quiet --universal --python-version $(OLDEST_PYTHON) --generate-hashes --no-annotate
# The layers of tests, each a target of its own: first those that wait most or have one process,
# so that none of them is left alone at the end.
LAYERS := test-hosts test-results test-server test-docker test-template test-project test-durable
LINTS := lint-python lint-playbook
# Projects that tests make have a make of their own.
PYTEST := env --unset=MAKEFLAGS $(BIN)/pytest

export UV_CACHE_DIR ?= $(BUILD)/cache/uv
export PIP_CACHE_DIR ?= $(BUILD)/cache/pip
export ANSIBLE_HOME ?= $(BUILD)/ansible
# Keeps cookiecutter out of your home, and your answers out of what is generated here.
export COOKIECUTTER_CONFIG := $(BUILD)/cookiecutter.yml
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Prefect's thousand modules are compiled once, not by each of its processes, and not beside the
# sources, from where projects are generated.
export PYTHONPYCACHEPREFIX := $(BUILD)/pycache
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test test-quick test-durable-newest fuzz $(LAYERS) $(LINTS) test-docker-machines test-long lint bench lock upgrade lock-prefect lock-uv lock-tools lock-server $(PINS:%=lock-%)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Install the tools of this repository into .venv

$(INSTALLED): requirements.txt $(UV_PIN)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r $(UV_PIN)
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.txt $(UV_PIN)
	@mkdir -p $(BUILD)
	@printf 'cookiecutters_dir: "%s"\nreplay_dir: "%s"\n' \
		'$(BUILD)/cookiecutters' '$(BUILD)/replay' > $(COOKIECUTTER_CONFIG)
	@touch $@

demo: install ## Generate a project and run every flow of it for real
	$(BAKE) --output-dir $(BUILD)/demo .
	$(MAKE) -C $(BUILD)/demo/shop-reports demo

test: install ## Run every layer of tests, two at a time, also after one has failed
	@echo "Each of $(words $(LAYERS)) layers is shown when it has ended."
	@$(MAKE) --no-print-directory --keep-going --jobs 2 --output-sync=target $(LAYERS)

test-quick: install ## Test the answers and the templates without what is slow, while you work
	$(PYTEST) tests/template -p tests.quick -m 'not long and not slow' \
		--numprocesses 2 --dist loadfile

test-template: install ## Test the answers and what is generated from them
	$(PYTEST) tests/template --numprocesses auto --dist worksteal

test-hosts: install ## Test the playbook on machines made for it; make test-long on a real VM, too
	@tests/where-possible tests/hosts/machines $(PYTEST) tests/hosts \
		--numprocesses 2 --dist loadfile --no-loadscope-reorder

test-server: install ## Test the playbook for a Prefect server on a machine made for it
	@tests/where-possible tests/hosts/machines tests/where-possible tests/server $(PYTEST) tests/server

test-project: install ## Test a generated project with a real server and a real worker
	$(PYTEST) tests/project --numprocesses auto --dist loadfile

test-durable: install ## Test `prefect_durable` where it is
	$(PYTEST) tests/durable --numprocesses 2 --dist loadfile

test-durable-newest: install ## Test `prefect_durable` with the newest Python that projects support
	$(UV) venv --quiet --clear --python "$$($(BIN)/python -m tests.pythons)" $(BUILD)/newest
	$(UV) pip sync --quiet --python $(BUILD)/newest/bin/python --require-hashes requirements.txt
	$(BUILD)/newest/bin/pytest tests/durable --numprocesses 2 --dist loadfile

fuzz: install ## Run random flow programs until stopped; SEED=7 runs and prints one, SHRINK=50 makes it smaller, RUNNER=processes has other processes execute tasks, dask prefect-dask, if you install it, delay a task worker
	$(BIN)/python -m tests.durable.programs --stock \
		$(RUNNER:%=--runner %) $(SEED:%=--seed %) $(SHRINK:%=--shrink %) $(COUNT:%=--count %) $(FIRST:%=--first %)

test-results: install ## Test retries, and results in real object stores
	$(BIN)/python -m tests.results.lab.needs
	$(PYTEST) tests/results --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-docker: install ## Test a generated project with a real Docker engine of its own
	@tests/where-possible tests/docker/lab tests/docker/lab/own-network $(PYTEST) tests/docker \
		--ignore tests/docker/test_worker_on_a_machine.py

test-docker-machines: SYSTEM = trixie
test-docker-machines: install ## Test docker pools on a machine with Podman, which make test does not; SYSTEM=bookworm: on Debian 12
	@tests/where-possible tests/docker/lab tests/docker/lab/own-network $(PYTEST) \
		tests/docker/test_worker_on_a_machine.py -k $(SYSTEM)

test-long: install ## Test what make test has no time for: a real VM, workloads on Debian 12, dbt, notebooks, more answers, restores that are refused
	$(PYTEST) tests/template tests/project -m long
	@tests/where-possible tests/hosts/machines $(PYTEST) tests/hosts -m long
	@tests/where-possible tests/hosts/machines tests/where-possible tests/server $(PYTEST) tests/server -m long

lint: install ## Check style, types and the playbook
	@$(MAKE) --no-print-directory --keep-going --jobs 2 --output-sync=target $(LINTS)

lint-python: install
	$(BIN)/ruff check --config pyproject.toml $(PYTHON_FOLDERS)
	$(BIN)/ruff format --config pyproject.toml --check $(PYTHON_FOLDERS)
	$(BIN)/mypy

lint-playbook: install
	$(BIN)/python tools/variables_table.py --check
	$(BIN)/python -m benchmarks.report
	$(BIN)/yamllint --strict . ansible/
	$(BIN)/shellcheck $$(git grep -lE '^#!.*sh$$')
	@# In a copy: Ansible takes the name of the folder that it is in here for a variable.
	rm -rf $(BUILD)/playbook
	cp -RL ansible $(BUILD)/playbook
	@# There is no inventory. What cannot be loaded ansible-lint leaves out, and passes.
	cd $(BUILD)/playbook && export PATH="$(CURDIR)/$(BIN):$$PATH" ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=false \
		&& ansible-playbook --syntax-check *.yml && ansible-lint --offline --strict --profile production

bench: install ## Measure what the README claims, in less than half an hour; ONLY=resume measures one subject
	$(BIN)/python -m benchmarks $(ONLY)

lock: lock-tools lock-server $(PINS:%=lock-%) ## Pin what every pyproject.toml asks for, moving only what must move; PREFECT=3.9.1 asks for that Prefect

upgrade: HOW := --upgrade
upgrade: lock ## Move every pin to the newest version that is allowed, and say what is held back
	@$(MAKE) --no-print-directory -C $(BUILD)/lock/process-local --old-file install held-back UV=$(abspath $(UV))

# Here and in the template, whose pyproject.toml is no TOML yet.
lock-prefect: install
ifdef PREFECT
	@echo "prefect==$(PREFECT)" | $(COMPILE) --no-deps - > $(BUILD)/prefect.txt
	@for file in pyproject.toml "$(TEMPLATE)"/pyproject.toml; do \
		sed 's/"prefect==[^"]*"/"prefect==$(PREFECT)"/' "$$file" > $(BUILD)/pyproject.toml \
			&& cp $(BUILD)/pyproject.toml "$$file"; done
endif

lock-uv: install
	echo uv | $(COMPILE) $(HOW) --no-header --output-file $(UV_PIN) -
	echo '# uv, which installs everything else: on the laptop, in CI and on every worker.' \
		| cat - $(UV_PIN) > $(BUILD)/uv.txt
	mv $(BUILD)/uv.txt $(UV_PIN)
	cp $(UV_PIN) templates/requirements/uv.txt

# What projects have is tested in place, so it has their versions.
lock-tools: lock-process-local
	$(COMPILE) $(HOW) --custom-compile-command "make lock" --group dev --output-file requirements.txt \
		--constraint templates/requirements/process-local.txt --constraint templates/requirements/dev.txt

# The server has the versions of projects, and what lets its processes share Redis.
lock-server: lock-process-local
	grep -oE '^(asyncpg|prefect)==[^ ]+' templates/requirements/process-local.txt > $(BUILD)/server.in
	echo prefect-redis >> $(BUILD)/server.in
	$(COMPILE) $(HOW) --no-header --constraint templates/requirements/process-local.txt \
		--output-file $(SERVER_PINS) $(BUILD)/server.in
	echo '# What the Prefect server is made of, with the versions of projects.' \
		| cat - $(SERVER_PINS) > $(BUILD)/server.txt
	mv $(BUILD)/server.txt $(SERVER_PINS)

# A generated project declares its dependencies, so each is made to pin them itself.
$(PINS:%=lock-%): lock-%: lock-uv lock-prefect
	$(BAKE) --output-dir $(BUILD)/lock . project_slug=$* \
		work_pool_type=$(firstword $(subst -, ,$*)) result_storage=$(lastword $(subst -, ,$*))
	$(MAKE) -C $(BUILD)/lock/$* --old-file install lock HOW=$(HOW) UV=$(abspath $(UV))
	cp $(BUILD)/lock/$*/requirements.txt templates/requirements/$*.txt
	cp $(BUILD)/lock/$*/requirements-dev.txt templates/requirements/dev.txt
