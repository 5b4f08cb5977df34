"""Training: examples with a loss mask, the loss, and the one loop that every kind of tuning runs.

Knows: token ids, which of them are learnt, optimisation, checkpoints of a run and exact resume.
Refuses to know: text, chat templates, where examples come from, how a trained model is served.
"""

from sampan.tuning.callbacks import Callback, ModelCheckpoint
from sampan.tuning.data import Batch, BatchPlan, Example
from sampan.tuning.losses import masked_cross_entropy
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
    "learning_rate_at",
    "load_run_state",
    "masked_cross_entropy",
    "read_place",
]
