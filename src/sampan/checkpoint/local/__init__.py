"""Models on this machine: where they lie, what they are called, where they came from.

Knows: names, folders and the manifest that a pull leaves. Refuses to know: the network, and what is in a weight file.
"""
