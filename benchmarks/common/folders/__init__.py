"""Artifacts that are folders: what the JSON in them says, read strictly and by both ends."""
