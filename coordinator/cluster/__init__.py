"""Supervisor, driver, actor, sockets: who lives, and who dies with whom."""
