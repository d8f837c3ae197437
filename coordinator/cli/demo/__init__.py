"""`bitgauge demo`: everything on one machine."""
