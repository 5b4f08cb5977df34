"""What is read of prompts, without an answer: embeddings, and how well texts fit a query.

Knows how texts become prompts to be read, and the shapes of OpenAI, Cohere, Jina and vLLM for the results. The reading
itself is an engine's, in the turn that each request has beside those that generate.
"""
