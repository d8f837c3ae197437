"""What each field of a request may hold."""
