"""Measurements: what Sampan costs and what it loses, beside other engines."""
