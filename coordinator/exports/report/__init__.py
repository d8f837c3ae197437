"""One run as an HTML page with plots."""
