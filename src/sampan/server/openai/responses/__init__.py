"""`POST /v1/responses`: OpenAI's newer way to ask. A request becomes one of chat; only what goes in and out differs.

Nothing is stored: a client sends the whole conversation each time.
"""
