# cloned: everything a newcomer needs. `make demo` shows it, `make test` proves it, `make install` puts it to work.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
BIN := .venv/bin
PREFIX ?= /opt/cloned

# What the daemon needs on a server, and what the lab and the tests need on top.
SERVER_PACKAGES := python3-venv mmdebstrap partclone udpcast zstd fdisk gdisk iproute2 \
	nftables gzip bzip2 xz-utils lzop lz4 lzip lrzip
LAB_PACKAGES := qemu-system-x86 qemu-utils acpica-tools ovmf ipxe-qemu snmpd snmp ethtool procps e2fsprogs dosfstools mtools \
	grub-pc-bin grub-efi-amd64-bin clonezilla ntfs-3g btrfs-progs xfsprogs f2fs-tools exfatprogs lvm2 parted \
	dnsmasq-base kea-admin tftp-hpa atftp busybox udhcpc isc-dhcp-client curl tcpdump kpartx cryptsetup-bin \
	chromium poppler-utils zbar-tools qpdf cups-daemon cups-client cups-ipp-utils cups-filters dbus-daemon \
	stress-ng memtester smartmontools iw hdparm nvme-cli mmc-utils sg3-utils nwipe gcc libc6-dev openssl postgresql \
	prometheus groff-base faketime

DEB_PACKAGES := debhelper dpkg-dev apt-utils lintian piuparts mmdebstrap python3-venv

define need_deb
	missing=$$(for each in $(DEB_PACKAGES); do
		dpkg-query -W -f '$${Status}' $$each 2>/dev/null | grep -q 'ok installed' || echo $$each; done)
	if [ -n "$$missing" ]; then
		$(SUDO) apt-get update -q
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing
	fi
endef

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

packages: ## Install missing Debian packages
	@missing=$$(for each in $(SERVER_PACKAGES) $(LAB_PACKAGES); do
		dpkg-query -W -f '$${Status}' $$each 2>/dev/null | grep -q 'ok installed' || echo $$each; done)
	if [ -n "$$missing" ]; then
		echo "installing:" $$missing
		$(SUDO) apt-get update -q
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing
	fi

.venv/ready: requirements.lock pyproject.toml | packages
	@python3 -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q -j 0 .venv/lib cloned || true  # root never writes bytecode here; without it all starts slowly
	touch $@

setup: packages .venv/ready ## Install what is missing, build live system and sample images (once)
	@$(SUDO) $(BIN)/cloned lab prepare

demo: $(if $(SINK),.venv/ready,setup) ## Show it: two laptops boot, are cloned, verified, and boot their clone (KEEP=1 leaves the page running; SINK=snipeit: results in an inventory)
	@if [ -n "$(SINK)" ]; then
		exec $(BIN)/python -m tests.servers.demo $(SINK)
	fi
	$(SUDO) $(BIN)/cloned lab run --laptops 2 --kind vm --firmware bios,uefi $(if $(KEEP),--keep)

lint: .venv/ready ## Linters, types, import layers
	@$(BIN)/ruff check cloned tests
	$(BIN)/ruff format --check -q cloned tests
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache | tail -n 6

unit: .venv/ready ## Unit tests
	@tests/run-parts unit

sim: .venv/ready ## Simulated streams and workshops
	@tests/run-parts sim

test: setup ## All that CI runs: at most 25 minutes on two cores
	@tests/run-parts lint unit sim wire interop lab

test-all: setup ## Every marker, each part with its seconds
	@tests/run-parts lint unit sim wire interop lab slow

nightly: setup ## Fuzzing and soaking, and whether the tests notice changes
	@$(SUDO) env HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -m nightly tests
	$(MAKE) -s mutate ROOMS="--minutes 30"

steady: setup ## wire and interop five times, labs once, beside a process that loads every core; logs in var/steady
	@tests/run-steady

mutate: .venv/ready ## Change one condition at a time and count which changes the tests notice (ROOMS="cloned/core" for some)
	@$(SUDO) $(BIN)/python -m tests.mutate $(ROOMS)

bench: setup ## Measure beside the peers, as tables
	@cache=$${CLONED_CACHE:-var}
	if ! command -v kea-dhcp4 > /dev/null && [ ! -d $$cache/kea ]; then  # unpacked, not installed: it would begin to serve
		mkdir -p $$cache/kea.new
		(cd $$cache/kea.new && apt-get download -q kea-dhcp4-server && dpkg -x kea-dhcp4-server_*.deb .)
		mv $$cache/kea.new $$cache/kea
	fi
	tests/run-bench

monitoring: .venv/ready ## Write alert rules, their tests, the dashboard and MONITORING.md from their table
	@$(BIN)/python -m cloned.lab.monitoring

monitoring-demo: setup ## Prometheus over a lab evening; every query of dashboard and rules with its answer
	@$(SUDO) $(BIN)/python -m cloned.lab.monitoring_demo

deb: .venv/ready ## Build the Debian packages into dist/, and dist/repo/ with all they need, for servers without internet
	@$(need_deb)
	systemd/packaging/build --repo

deb-check: ## Prove them: lintian, reproducible, installed, upgraded and purged in bare roots without network, piuparts
	@$(need_deb)
	$(SUDO) systemd/packaging/check

metrics-page: .venv/ready ## Write METRICS.md from the table of metrics
	@$(BIN)/python -m cloned.status.families > METRICS.md

locale: .venv/ready ## Gather the messages into web/locale, compile them, say how many lack a translation
	@pot=$$(mktemp); trap 'rm -f $$pot' EXIT
	PYTHONPATH=. $(BIN)/pybabel -q extract -F web/locale/babel.cfg -k to_translate --sort-output --add-location=file \
		--project=cloned -o $$pot .
	for code in nl fr; do
		$(BIN)/pybabel -q update --init-missing --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date \
			-i $$pot -d web/locale -D cloned -l $$code -w 100
	done
	$(BIN)/pybabel compile -d web/locale -D cloned --statistics

browser: setup ## The page in Chromium alone: what it does, axe-core on every page and dialog, pictures in var/screenshots
	@$(SUDO) $(BIN)/python -m pytest -q -m interop tests/interop/status
	$(MAKE) -s screenshots

screenshots: .venv/ready ## A picture of every page in each language, in var/screenshots
	@$(BIN)/python -m tests.interop.status.pictures var/screenshots

lock: ## Renew requirements.lock from pyproject.toml
	@$(BIN)/pip install -q uv && $(BIN)/uv lock -q
	$(BIN)/uv export -q --all-groups --no-emit-project --no-header --no-annotate -o requirements.lock
	rm -f uv.lock

install: ## Put the service on this server (PREFIX=/opt/cloned)
	@missing=$$(for each in $(SERVER_PACKAGES); do
		dpkg-query -W -f '$${Status}' $$each 2>/dev/null | grep -q 'ok installed' || echo $$each; done)
	if [ -n "$$missing" ]; then
		$(SUDO) apt-get update -q
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing
	fi
	$(SUDO) systemd/install $(PREFIX)

OCS_PACKAGES := ocsinventory-server mariadb-server apache2 libxml-parser-perl

interop-ocs: setup ## Push results to a real OCS Inventory server (Debian's packages) and look into its database
	@missing=$$(for each in $(OCS_PACKAGES); do
		dpkg-query -W -f '$${Status}' $$each 2>/dev/null | grep -q 'ok installed' || echo $$each; done)
	if [ -n "$$missing" ]; then
		policy=/usr/sbin/policy-rc.d  # nothing that is installed for this is started by it
		if [ ! -e $$policy ]; then
			printf '#!/bin/sh\nexit 101\n' | $(SUDO) tee $$policy > /dev/null && $(SUDO) chmod 755 $$policy
			trap '$(SUDO) rm -f /usr/sbin/policy-rc.d' EXIT
		fi
		$(SUDO) apt-get update -q
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing
	fi
	cache=$${CLONED_CACHE:-var}
	if [ ! -d $$cache/ocsinventory-reports ]; then  # its web interface is not needed, its database schema is
		mkdir -p $$cache/ocsinventory-reports.new
		(cd $$cache/ocsinventory-reports.new && apt-get download -q ocsinventory-reports && dpkg -x ocsinventory-reports_*.deb .)
		mv $$cache/ocsinventory-reports.new $$cache/ocsinventory-reports
	fi
	$(SUDO) env CLONED_CACHE=$$cache $(BIN)/python -m pytest -q -m "interop and slow" tests/interop/inventory

clean: ## Remove what was built (images of the lab included)
	@rm -rf .venv var dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help packages setup demo lint unit sim test test-all nightly steady mutate bench metrics-page monitoring monitoring-demo deb deb-check locale browser screenshots lock install interop-ocs clean
