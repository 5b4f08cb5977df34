"""safetensors files, read and written.

Knows: the header, and where it says that tensors lie. Refuses to know: which tensors a model has.
"""
