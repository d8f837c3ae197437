# Every recipe is a line or two that can be typed by hand.
.PHONY: demo test bad-days soak bench check stubs lint types imports resolve

demo: .venv/demo.installed
	.venv/bin/bitgauge demo

test: .venv/dev.installed check
	.venv/bin/pytest tests --ignore tests/bad_days --ignore tests/bench

# Full disks, floods, hostile artifacts, cut networks. Wants root, bubblewrap, iproute2, qemu-user and systemd;
# what cannot run says NOT RUN and why.
bad-days: .venv/dev.installed
	.venv/bin/pytest tests/bad_days

soak: .venv/soak.installed
	.venv/bin/python tests/protocol/soak.py --seeds 1000000
	for name in digests events join_line model names npz report; do .venv/bin/python -m tests.fuzz.fuzz_$$name -max_total_time=600 || exit 1; done

bench: .venv/dev.installed
	.venv/bin/python -m tests.bench

check: lint types imports
	protos/generate.sh --check

lint: .venv/dev.installed
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .

types: .venv/dev.installed
	.venv/bin/mypy

imports: .venv/dev.installed
	.venv/bin/lint-imports

stubs: .venv/dev.installed
	protos/generate.sh

# The agent's extras must resolve for the oldest Python on both kinds of board.
resolve: .venv/dev.installed
	.venv/bin/python tests/resolve_agent.py

.venv/bin/python:
	python3 -m venv .venv

.venv/%.installed: pyproject.toml constraints.txt | .venv/bin/python
	.venv/bin/pip install -q -c constraints.txt -e '.[$*]'
	touch $@
