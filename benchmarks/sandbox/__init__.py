"""How a process is confined that deals with what a stranger sent, and what of that works here."""
