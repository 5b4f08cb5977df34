"""What a quantisation did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sampan import __version__
from sampan.ptq.calibration import Calibration
from sampan.ptq.recipe import Recipe

REPORT_FILE = "quantization.json"
SCHEMA = "sampan-quantization-1"


@dataclass(frozen=True, slots=True)
class MatrixError:
    """One matrix.

    Args:
        name: Hugging Face's, such as `model.layers.0.mlp.down_proj.weight`.
        format: `int4`, `int8` or `bf16`.
        error: see `errors.output_error`; on the calibration, with inputs from the layers that are quantised already.
        alpha: of SmoothQuant; 0 where its inputs were left as they are.
    """

    name: str
    format: str
    error: float
    alpha: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """Args:
    bits: mean bits of a weight of the layers' matrices, scales included.
    """

    recipe: Recipe
    calibration: Calibration
    source_sha256: str
    matrices: Sequence[MatrixError]
    bits: float

    def to_dict(self) -> Mapping[str, Any]:
        """As `quantization.json` has it; the same at every run on the same inputs."""
        recipe = asdict(self.recipe)
        return {
            "schema": SCHEMA,
            "version": __version__,
            "source_sha256": self.source_sha256,
            **recipe,
            "bits_per_weight": round(self.bits, 3),
            "calibration": {
                "source": self.calibration.source,
                "sha256": self.calibration.sha256,
                "samples": len(self.calibration.samples),
                "tokens": self.calibration.num_tokens,
            },
            "matrices": [asdict(matrix) for matrix in self.matrices],
        }
