"""What a model is, and what is wrong with it.

Knows: how the parts of a model folder or a GGUF file must fit together, and what goes wrong with them in the wild. A
broken model is a finding here, never an exception: every check looks at what can be read and leaves out what cannot.
Refuses to know: terminals, the network, engines that run.
"""

from sampan.examination.card import ModelCard, describe_model
from sampan.examination.examine import UNIVERSAL, examine_model

__all__ = ["UNIVERSAL", "ModelCard", "describe_model", "examine_model"]
