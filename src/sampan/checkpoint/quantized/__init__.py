"""Folders whose weights are integers: GPTQ, AWQ and compressed-tensors are read, the last is written too.

Knows: how each packs codes, scales and zero points. Refuses to know: how codes are found, and the layout of kernels.
"""
