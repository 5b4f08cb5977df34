"""What the number formats lose: next-token distributions of quantised models beside those of the unquantised one.

Knows: the models and texts that are measured, how each engine is asked for logits, how distributions are compared.
Refuses to know: speed.
"""
