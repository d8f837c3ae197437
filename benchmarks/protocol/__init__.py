"""How a child measures, on an injected clock, call and meter."""
