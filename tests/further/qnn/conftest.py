"""What needs the provider of Qualcomm's neural processor, and its simulator."""

from __future__ import annotations

import pytest

pytest.importorskip("onnxruntime_qnn", reason="NOT RUN: pip install 'bitgauge[qnn]'")
