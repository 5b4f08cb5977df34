"""The decoders as Paddle layers: they read like the paper, train, and are the reference for every faster path.

Knows: Hugging Face's tensor names, the arithmetic of Qwen2 and Llama, how to fill the layers from a checkpoint.
Refuses to know: KV caches, batching, sampling, files. Whoever caches keys and values passes its own `attend` in.
"""

from sampan.models.decoder import Attend, CausalLM, TiedOutput, build_model
from sampan.models.loading import export_weights, load_weights

__all__ = ["Attend", "CausalLM", "TiedOutput", "build_model", "export_weights", "load_weights"]
