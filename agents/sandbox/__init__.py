"""How a child is confined: levels by file name, control groups, what works here."""
