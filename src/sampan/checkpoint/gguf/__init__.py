"""GGUF files, as llama.cpp and Ollama have them, read and written.

Knows: keys, parts, blocks of quantised values, the names and orders that llama.cpp gives tensors. Refuses to know: what
the tokenizer in the keys does.
"""
