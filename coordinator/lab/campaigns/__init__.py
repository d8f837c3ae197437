"""Campaigns at work: planned, begun, driven; never SQL."""
