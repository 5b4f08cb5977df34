"""`POST /generate`, the simplest way to ask."""
