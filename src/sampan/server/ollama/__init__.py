"""Ollama's API: generate and chat in lines of JSON, and what it tells of the model that is served.

There is one model here, it is loaded, and it stays: what Ollama has for pulling, creating and unloading models is not
here.
"""
