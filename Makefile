# `make book` and `make test` do all their own set-up: nothing but Python >= 3.11, make and git is assumed.
# `make help` lists the commands.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
COLAB_KERNEL := $(VENV)/colab-kernel
EXTRAS := notebooks,book,test,grading,distributed,flow
# Tests run in so many processes, each with one thread, for laptops with two cores: `make test WORKERS=8`.
WORKERS := 2

.DEFAULT_GOAL := help
.PHONY: help setup book serve test check lab notebooks assignments pages publish-config colab mutation constraints clean distclean

help:  ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The stamp is newer than the files that say what to install, so a second call costs nothing.
$(READY): pyproject.toml constraints.txt tests/shared/colab_2026_06.txt
	@test -x $(BIN)/python || { \
	    python=$$(sh tools/find_python.sh) || exit 1; \
	    "$$python" -m venv $(VENV) || { \
	        rm -rf $(VENV); \
	        echo "No environment could be made. On Debian or Ubuntu: apt-get install python3-venv"; \
	        exit 1; }; }
	@echo "Installing into $(VENV) (the first time takes minutes) ..."
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt hatchling editables
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable ".[$(EXTRAS)]"
	@# The tests compare with it. By itself it would bring Lightning and two dozen packages that are not used.
	@$(BIN)/python -m pip install --quiet --no-deps torchcfm==1.0.7
	@# Colab's kernel, which is older, and what shows its widgets in JupyterLab, for the tests of live figures.
	@rm -rf $(COLAB_KERNEL)
	@$(BIN)/python -m pip install --quiet --no-deps --target $(COLAB_KERNEL) \
	    --constraint tests/shared/colab_2026_06.txt ipywidgets ipykernel ipython ipython-genutils backcall decorator \
	    pickleshare
	@$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(COLAB_KERNEL) jupyterlab-widgets==1.1.11
	@touch $@

setup: $(READY)  ## Make .venv with the tested versions (the others do it by themselves)

book: $(READY)  ## Build the book: _build/html/index.html
	$(BIN)/jupyter-book build . -W -n --keep-going
	@echo "The book is _build/html/index.html; open it in a browser."

serve: book  ## Build the book and serve it on http://localhost:8000
	$(BIN)/python -m http.server 8000 --bind localhost --directory _build/html

test: book  ## Run every test: unit, peers, properties, notebooks, the built book in a browser
	$(BIN)/python -m pytest tests notebooks --nbval -n $(WORKERS)

check: $(READY)  ## One minute: lint, format, types, fast tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q -n $(WORKERS) -m "not slow" tests/unit tests/properties tests/notebooks

# JupyterLab looks for a style of one's own first, then for this one.
LAB_STYLE = $$($(BIN)/python -c "from jupyter_server import DEFAULT_STATIC_FILES_PATH as p; print(p)")/custom

lab: $(READY)  ## Open JupyterLab on the notebooks
	@mkdir -p "$(LAB_STYLE)" && cp tools/lab.css "$(LAB_STYLE)/custom.css"
	$(BIN)/jupyter lab --custom-css notebooks

notebooks: $(READY)  ## Run every notebook again, in place
	$(BIN)/python tools/execute_notebooks.py notebooks/*.ipynb

assignments: $(READY)  ## Make the assignments: student and solution versions, autograders, in _build/assignments
	$(BIN)/python tools/make_assignments.py

pages: $(READY)  ## Write the slide map, the errata and the list of places anew, and link the glossary's words
	$(BIN)/python tools/glossary.py --write
	$(BIN)/python tools/errata.py --write
	$(BIN)/python tools/places.py --write
	$(BIN)/python tools/concepts.py --missing --count --write

publish-config: $(READY)  ## Write the repository's address (pyproject.toml) into the book and the notebooks
	$(BIN)/python tools/publish_config.py

# All notebooks, or some: `make colab NOTEBOOKS="notebooks/01*"`. Colab has Python 3.12; without one, another will do.
colab: $(READY)  ## Run the set-up cell and the notebooks with Colab's versions, in .venv-colab (some GB); a table
	@python=$$(PYTHON="$${PYTHON:-python3.12}" sh tools/find_python.sh) || exit 1; \
	    $(BIN)/python tools/colab.py --python "$$python" $(NOTEBOOKS)

# Some rooms, another sample, or all of one: `make mutation MUTATION="chain nn --sample 0"`.
mutation: $(READY)  ## Make mistakes in the library, one at a time, and see whether the tests notice; an hour or two
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt cosmic-ray==8.7.0 pytest-cov==7.1.0
	$(BIN)/python tools/mutate_core.py --workers $(WORKERS) $(MUTATION)

constraints: $(READY)  ## Write the versions now installed in .venv to constraints.txt
	$(BIN)/python tools/refresh_constraints.py

clean:  ## Remove what the book and the tests made
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis book/api/generated
	find . -name __pycache__ -type d -not -path "./$(VENV)*/*" -prune -exec rm -rf {} +

distclean: clean  ## Remove the environments too
	rm -rf $(VENV) .venv-colab
