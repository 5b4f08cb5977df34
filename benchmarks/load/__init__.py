"""The parts of `benchmarks.serving`: requests at a given rate or concurrency, and what came of them.

Knows HTTP/1.1 and OpenAI's event streams; any server that speaks them can be measured. Refuses to know how one is
built. The client is made to cost little, because on one machine it takes its time from the server, and says how much
it took.
"""
