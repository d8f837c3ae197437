"""Version 1 of the wire contract: messages, services and their generated code."""
