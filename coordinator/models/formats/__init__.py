"""One file format each: what is recognised, and what a file of it holds."""
