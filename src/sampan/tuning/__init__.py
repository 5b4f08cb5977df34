"""Training: examples with a loss mask, the loss, and the one loop that every kind of tuning runs.

Knows: token ids, which of them are learnt, optimisation, checkpoints of a run and exact resume, what serving rounds.
Refuses to know: text, chat templates, where examples come from, how a trained model is served.
"""

from sampan.tuning.callbacks import Callback, ModelCheckpoint
from sampan.tuning.data import Batch, BatchPlan, Example
from sampan.tuning.losses import divergence_from, masked_cross_entropy
from sampan.tuning.qat import export_trained, quantization_aware
from sampan.tuning.run_state import Place, load_run_state, read_place
from sampan.tuning.schedule import learning_rate_at
from sampan.tuning.trainer import Trainer, TrainerConfig

__all__ = [
    "Batch",
    "BatchPlan",
    "Callback",
    "Example",
    "ModelCheckpoint",
    "Place",
    "Trainer",
    "TrainerConfig",
    "divergence_from",
    "export_trained",
    "learning_rate_at",
    "load_run_state",
    "masked_cross_entropy",
    "quantization_aware",
    "read_place",
]
