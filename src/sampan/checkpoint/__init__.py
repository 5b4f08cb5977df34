"""From bytes on disk to named tensors, lazily, and back.

Knows: safetensors, `.pdparams` and GGUF files, folders in Hugging Face's and PaddleNLP's form, weights that are stored
as integers, which tensors a model has, where models lie on this machine. Refuses to know: Paddle, what is computed with
a tensor, the network. It believes no size, offset, count or path that a file states before it has checked it, and never
runs or unpickles anything that a file holds.
"""

from sampan.checkpoint.base import Checkpoint, CodedTensor, RawTensor
from sampan.checkpoint.folder import open_checkpoint
from sampan.checkpoint.folder_writer import write_checkpoint
from sampan.checkpoint.gguf.model import GgufCheckpoint
from sampan.checkpoint.gguf.writer import write_gguf
from sampan.checkpoint.local.resolve import (
    ResolvedModel,
    model_folder,
    models_home,
    pulled_folder,
    resolve_model,
    sampan_home,
)
from sampan.checkpoint.quantized.writer import finish_coded_folder, write_coded_checkpoint, write_coded_shard
from sampan.checkpoint.safetensors.reader import SafetensorsFile
from sampan.checkpoint.safetensors.writer import write_safetensors
from sampan.checkpoint.shapes import expected_tensors, verify

__all__ = [
    "Checkpoint",
    "CodedTensor",
    "GgufCheckpoint",
    "RawTensor",
    "ResolvedModel",
    "SafetensorsFile",
    "expected_tensors",
    "finish_coded_folder",
    "model_folder",
    "models_home",
    "open_checkpoint",
    "pulled_folder",
    "resolve_model",
    "sampan_home",
    "verify",
    "write_checkpoint",
    "write_coded_checkpoint",
    "write_coded_shard",
    "write_gguf",
    "write_safetensors",
]
