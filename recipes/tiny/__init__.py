"""How the embedded model `sampan-tiny` is made: corpus, tokenizer, training, export, evaluation.

Knows: everything about this one model.
Refuses to know: what another model would need too; that is in `sampan.tuning`.
"""
