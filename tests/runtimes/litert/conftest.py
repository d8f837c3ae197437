"""What needs LiteRT."""

from __future__ import annotations

import pytest

pytest.importorskip("ai_edge_litert", reason="NOT RUN: pip install 'bitgauge[litert]'")
