"""`sampan quantize`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from sampan.cli.options import Json
from sampan.cli.parameters import Argument, Option

if TYPE_CHECKING:
    from pathlib import Path

    from sampan.cli.progress import Report
    from sampan.evaluation import Quality
    from sampan.ptq import Result


class Calibration(NamedTuple):
    """Calibration."""

    calibration: Annotated[str | None, Option("text or .jsonl to calibrate on; unset: Sampan's own", "FILE")] = None
    samples: Annotated[int, Option("most samples of it")] = 128
    length: Annotated[int, Option("most tokens of each")] = 512


class Gate(NamedTuple):
    """The gate (see sampan eval)."""

    data: Annotated[str | None, Option("texts and tasks to measure on; unset: Sampan's own", metavar="FILE")] = None
    max_tasks: Annotated[int | None, Option("ask fewer tasks; 0: none, and only read")] = None
    max_loss: Annotated[float | None, Option("do not publish what loses, or may lose, more than X per cent")] = None


def quantize(
    *,
    source: Annotated[str, Argument("a name from `sampan list`, a folder or a .gguf file")],
    destination: Annotated[str, Argument("the folder to write")],
    scheme: Annotated[str, Option("of the weights", metavar="P", choices=("int8", "int4"))] = "int4",
    method: Annotated[str, Option("of rounding", metavar="M", choices=("absmax", "smoothquant", "gptq"))] = "gptq",
    keep: Annotated[
        tuple[str, ...],
        Option("keep it wider: attention, layers.0, down_proj=bf16; or none", metavar="WHAT"),
    ] = (),
    max_layer_error: Annotated[float | None, Option("make a matrix wider whose outputs change more, as 0.05")] = None,
    max_bits: Annotated[float | None, Option("spend so many bits a weight where they help most, as 5.5")] = None,
    force: Annotated[bool, Option("replace the destination, and what was begun there otherwise")] = False,
    json: Json = False,
    calibration: Calibration,
    gate: Gate,
) -> int:
    """Makes a model smaller so that it loses little; what it lost is measured before it is published.

    Layer by layer: one of them is in memory. Interrupted, the same call goes on where it was.
    int4 keeps attention in int8, unless --keep says otherwise (--keep none: all in int4).
      sampan quantize qwen-1.5b ./r1-int4 --calibration ours.jsonl --max-loss 2
    """
    from sampan.cli.eval import check_limits
    from sampan.cli.interrupts import exit_on_interrupt, on_interrupt
    from sampan.cli.output import print_json
    from sampan.cli.progress import progress

    check_limits(gate.max_tasks, 1, gate.max_loss, None)
    choose_matrix_kernels()
    with on_interrupt(exit_on_interrupt), progress(f"Opening {source}") as report:
        from sampan.checkpoint import open_checkpoint, resolve_model
        from sampan.ptq import Recipe, read_calibration
        from sampan.ptq import quantize as write

        kept = None if not keep else () if keep == ("none",) else keep
        recipe = Recipe(scheme, method, kept, max_layer_error, max_bits)
        checkpoint = open_checkpoint(resolve_model(source).path)
        found: list[Quality] = []
        result = write(
            checkpoint,
            destination,
            recipe,
            calibration=read_calibration(
                checkpoint, calibration.calibration, samples=calibration.samples, length=calibration.length
            ),
            force=force,
            report=report,
            gate=lambda folder, result: found.append(measure(source, folder, result, calibration, gate, report)),
        )
    if json:
        loss = found[0].candidates[0].loss_percent.to_dict()
        print_json({"path": destination, **result.to_dict(), "loss_percent": loss})
    else:
        show(destination, result, found[0])
    return 0


def choose_matrix_kernels() -> None:
    """Before Paddle is loaded: on AMD processors its MKL would take kernels that are four times slower."""
    import os

    from sampan.machine import read_processor

    if "AMD" in read_processor().name:
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")


def measure(source: str, folder: Path, result: Result, calibration: Calibration, gate: Gate, report: Report) -> Quality:
    """What was lost, on texts that the calibration does not have; written into the folder.

    Raises:
        QualityError: more than is allowed.
    """
    from sampan.evaluation import LayerError, Subject, evaluate, read_material, read_texts, write_quality
    from sampan.ptq import OWN_CALIBRATION

    seen = calibration.calibration or OWN_CALIBRATION
    quality = evaluate(
        Subject(str(folder)),
        Subject.exact(source),
        material=read_material(gate.data).limited(gate.max_tasks).without(read_texts(seen)),
        layers=[LayerError(matrix.name, matrix.format, matrix.error) for matrix in result.matrices],
        progress=report,
    )
    write_quality(quality, folder, max_loss=gate.max_loss)
    if gate.max_loss is not None:
        quality.check(gate.max_loss)
    return quality


def show(destination: str, result: Result, quality: Quality) -> None:
    """A line for each matrix, the worst first; what was lost; what was written."""
    from pathlib import Path

    from sampan.cli.eval_report import show as show_quality
    from sampan.cli.output import print_table

    matrices = sorted(result.matrices, key=lambda matrix: -matrix.error)
    rows = [(matrix.name, matrix.format, f"{matrix.error:.2%}") for matrix in matrices]
    print_table(("matrix", "format", "change of outputs"), rows, [None] * len(rows), {"matrix"})
    print(f"\n{result.recipe.scheme} by {result.recipe.method}: {result.bits:.2f} bits a weight of the layers\n")
    show_quality(quality, Path(destination))
