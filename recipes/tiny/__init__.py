"""How the embedded model `sampan-tiny` is made: corpus, tokenizer, training, export, evaluation.

Knows: everything about this one model. Refuses to know: anything that another model would need; that is in `sampan.tuning`.
"""
