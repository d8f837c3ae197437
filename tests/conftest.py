"""What holds for every test: none depends on a quiet machine, so no example has a deadline."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("bitgauge", deadline=None)
settings.load_profile("bitgauge")
