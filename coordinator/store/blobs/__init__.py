"""Files named by digest, and what is recorded of them."""
