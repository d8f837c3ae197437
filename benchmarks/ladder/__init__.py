"""Which formats of a model to try, in which order, and when to stop."""
