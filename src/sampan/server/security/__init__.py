"""Who may ask, and how much: API keys, their roles and their limits.

Knows keys, names and clocks. HTTP comes in at one place, `guard`; the rest is used by the command line as well, which
makes and revokes keys without an HTTP library.
"""
