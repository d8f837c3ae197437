"""The frozen values that cross the wire."""
