# Every target installs what it is missing: Debian packages by apt (with sudo where not root), the rest into .venv.
# A second call finds it all there and is quick. pip and apt keep to this machine's own settings.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python3.14,$(if $(shell \
	$(name) -c 'import sys; print("new" if sys.version_info >= (3, 11) else "")' 2>/dev/null),$(name))))
PYTHON_PACKAGE = python$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
DEV := .[dev,fast]
PYTEST_OPTIONS ?= -n 2
# A test needs no type hints of its own; what it calls is checked.
LOOSER := --allow-untyped-defs --allow-incomplete-defs --allow-untyped-calls --no-warn-return-any \
	--no-warn-unused-ignores --no-strict-equality --implicit-reexport --explicit-package-bases

# $(call apt,PACKAGES): install Debian packages without a question.
apt = echo "installing $(1)" && $(SUDO) apt-get -qq update && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $(1) >/dev/null

# $(call pip,REQUIREMENT): a library without a wheel for this Python or processor is built, which needs a compiler.
pip = $(PIP) $(1) || { ! command -v c++ >/dev/null && $(call apt,build-essential $(PYTHON_PACKAGE)-dev) && $(PIP) $(1); }

.PHONY: help demo test check bench memory poison accuracy load soak samples letters pictures clean tesseract dicom-tools \
	orthanc postgresql fonts
.DELETE_ON_ERROR:

help:
	@echo "make demo      convert sample_sc/ and show what was read, what proves it, and where the RDSRs are"
	@echo "make test      run the tests"
	@echo "make check     ruff, mypy, import-linter and the rules of the house"
	@echo "make bench     time a dose screen, file in to RDSR out, beside plain ways to read it"
	@echo "make memory    convert 2,000 screens by registered fonts in one process, and watch its memory"
	@echo "make poison    change letters, fonts and statements, and count what is wrong (half an hour)"
	@echo "make accuracy  read held-out screens with and without faults, and count what is wrong (an hour)"
	@echo "make load      objects a second, and the time from C-STORE to the RDSR at a PACS, beside Orthanc (ten minutes)"
	@echo "make soak      kill, starve and cut off the running service, full counts: nothing lost, nothing doubled (half an hour)"
	@echo "make samples   draw sample_sc/ anew"
	@echo "make letters   learn the fonts of the shipped templates from sample_sc/ anew"
	@echo "make pictures  draw docs/images/ anew"
	@echo "make clean     remove .venv and demo_out"

# Exit 3 says that some dose screens need a person; the samples have such ones on purpose.
demo: tesseract $(VENV)/.package
	@$(BIN)/ocr-service convert sample_sc --out demo_out --report demo_out/report.jsonl || [ $$? -eq 3 ]
	@echo "The RDSRs are in $(CURDIR)/demo_out, one line a unit in $(CURDIR)/demo_out/report.jsonl"

test: tesseract dicom-tools orthanc postgresql fonts $(VENV)/.dev
	$(BIN)/pytest $(PYTEST_OPTIONS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy $(LOOSER) tests
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_house.py

BENCH_OPTIONS ?=
MEMORY_OPTIONS ?=
POISON_OPTIONS ?=
ACCURACY_OPTIONS ?= --jobs 2
LOAD_OPTIONS ?=
THROUGH_OPTIONS ?=
SOAK_OPTIONS ?=

bench: tesseract fonts $(VENV)/.dev
	$(BIN)/python -m bench.speed $(BENCH_OPTIONS)

memory: tesseract fonts $(VENV)/.dev
	$(BIN)/python -m bench.memory $(MEMORY_OPTIONS)

poison: tesseract fonts $(VENV)/.dev
	$(BIN)/python -m bench.poison $(POISON_OPTIONS)

accuracy: tesseract fonts $(VENV)/.dev
	$(BIN)/python -m bench.accuracy $(ACCURACY_OPTIONS)

load: tesseract dicom-tools orthanc $(VENV)/.dev
	$(BIN)/python -m bench.load $(LOAD_OPTIONS)
	$(BIN)/python -m bench.through $(THROUGH_OPTIONS)

soak: tesseract dicom-tools orthanc postgresql $(VENV)/.dev
	$(BIN)/python -m bench.soak $(SOAK_OPTIONS)
	$(BIN)/pytest -m soak tests/network

samples: dicom-tools fonts $(VENV)/.dev
	$(BIN)/python sample_sc/draw.py

letters: tesseract $(VENV)/.dev
	$(BIN)/python -m bench.letters

clean:
	rm -rf $(VENV) demo_out

tesseract:
	@command -v tesseract >/dev/null || { $(call apt,tesseract-ocr); }

dicom-tools:
	@command -v dciodvfy >/dev/null && command -v dsrdump >/dev/null || { $(call apt,dicom3tools dcmtk); }

# The archive that the tests send to, with its DICOMweb; they start one of their own, its service is not needed.
orthanc:
	@ls /usr/share/orthanc/plugins/libOrthancDicomWeb* >/dev/null 2>&1 || { $(call apt,orthanc orthanc-dicomweb); }

# The tests make clusters of their own; Debian's main one is not touched.
postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { $(call apt,postgresql); }

# The letters the samples are drawn with.
fonts:
	@[ -e /usr/share/fonts/X11/misc -a -e /usr/share/fonts/X11/75dpi -a -e /usr/share/fonts/X11/100dpi ] || \
		{ $(call apt,xfonts-base xfonts-75dpi xfonts-100dpi); }

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed: apt-get install python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(call apt,$(PYTHON_PACKAGE)-venv); }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.package: pyproject.toml | $(BIN)/python
	@$(call pip,-e .)
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@$(call pip,-e '$(DEV)')
	@touch $(VENV)/.package $@

# The pictures of the documents, drawn anew from the samples and from the screens of the guide's invented console.
pictures: tesseract fonts $(VENV)/.dev
	@$(BIN)/ocr-service read sample_sc/ge/bolus_tracking/01.dcm --draw docs/images/ge-dose-report.png >/dev/null
	@folder=$$(mktemp -d) && $(BIN)/python -m bench.invented german $$folder/screens --count 6 --png && \
		cp $$folder/screens/01.png docs/images/new-layout-screen.png && \
		$(BIN)/ocr-service template new $$folder/screens/0[1-4].dcm -o $$folder/mine/nordlicht.yaml >/dev/null && \
		$(BIN)/ocr-service read $$folder/screens/06.dcm --templates $$folder/mine \
		--draw docs/images/new-layout-unknown-word.png >/dev/null && \
		sed -i "s/^    spiral: .*/&\n    stationary: ['Bolusverfolgung']/" $$folder/mine/nordlicht.yaml && \
		$(BIN)/ocr-service read $$folder/screens/06.dcm --templates $$folder/mine \
		--draw docs/images/new-layout-read.png >/dev/null; rm -rf $$folder
