"""What Paddle and PaddleNLP write, read and written.

Knows: the opcodes of pickles that hold arrays, PaddleNLP's names and layouts. Refuses to know: how to import or call
what a pickle names, and Paddle itself.
"""
