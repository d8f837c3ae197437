"""The wire contract of Bitgauge."""
