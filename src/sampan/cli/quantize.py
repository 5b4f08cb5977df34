"""`sampan quantize`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from sampan.cli.options import Json
from sampan.cli.parameters import Argument, Option

if TYPE_CHECKING:
    from sampan.ptq import Result


def quantize(
    *,
    source: Annotated[str, Argument("a name from `sampan list`, a folder or a .gguf file")],
    destination: Annotated[str, Argument("the folder to write")],
    scheme: Annotated[str, Option("of the weights", metavar="P", choices=("int8", "int4"))] = "int4",
    method: Annotated[
        str, Option("absmax, smoothquant or gptq", "M", choices=("absmax", "smoothquant", "gptq"))
    ] = "gptq",
    calibration: Annotated[str | None, Option("text or JSONL to calibrate on; unset: Sampan's own", "FILE")] = None,
    samples: Annotated[int, Option("most samples of the calibration")] = 128,
    length: Annotated[int, Option("most tokens of each")] = 512,
    keep: Annotated[
        tuple[str, ...], Option("keep it wider: attention, mlp, layers.0, down_proj=bf16; none", metavar="WHAT")
    ] = (),
    max_layer_error: Annotated[float | None, Option("make a matrix wider whose outputs change more, as 0.05")] = None,
    max_bits: Annotated[float | None, Option("spend so many bits a weight where they help most, as 5")] = None,
    force: Annotated[bool, Option("replace the destination, and what was begun there otherwise")] = False,
    json: Json = False,
) -> int:
    """Quantises a model so that it loses little, and writes it for Sampan, vLLM and transformers.

    Layer by layer: memory holds one layer. Interrupted, the same call goes on where it was.
    int4 keeps attention in int8 unless --keep says otherwise (--keep none: all in int4).
      sampan quantize qwen-1.5b ./r1-int4 --calibration ours.jsonl
    """
    from sampan.checkpoint import open_checkpoint, resolve_model
    from sampan.cli.output import print_json
    from sampan.cli.progress import progress
    from sampan.ptq import Recipe, read_calibration
    from sampan.ptq import quantize as write

    kept = None if not keep else () if keep == ("none",) else keep
    recipe = Recipe(scheme, method, kept, max_layer_error, max_bits)
    checkpoint = open_checkpoint(resolve_model(source).path)
    with progress(f"Quantising {source}") as report:
        result = write(
            checkpoint,
            destination,
            recipe,
            calibration=read_calibration(checkpoint, calibration, samples=samples, length=length),
            force=force,
            report=report,
        )
    if json:
        print_json({"path": destination, **result.to_dict()})
    else:
        show(destination, result)
    return 0


def show(destination: str, result: Result) -> None:
    """A line for each matrix, the worst first, and what was written."""
    from sampan.cli.output import print_table

    matrices = sorted(result.matrices, key=lambda matrix: -matrix.error)
    rows: list[tuple[str, ...]] = [(matrix.name, matrix.format, f"{matrix.error:.2%}") for matrix in matrices]
    print_table(("matrix", "format", "change of outputs"), rows, [None] * len(rows), {"matrix"})
    print(f"{destination}: {result.recipe.scheme} by {result.recipe.method}, {result.bits:.2f} bits a weight in layers")
