"""How a child is confined: control groups, environment, which level works here."""
