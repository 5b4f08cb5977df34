"""`sampan convert`."""

from __future__ import annotations

from typing import Annotated

from sampan.cli.options import Json
from sampan.cli.parameters import Argument, Option


def convert(
    *,
    source: Annotated[str, Argument("a name from `sampan list`, a folder or a .gguf file")],
    destination: Annotated[str, Argument("a new folder, or a new .gguf file")],
    form: Annotated[str, Option("of a folder", metavar="FORM", choices=("safetensors", "pdparams"))] = ("safetensors"),
    dtype: Annotated[
        str,
        Option("q8_0, bf16, fp16, fp32; auto: q8_0 or the source's", "TYPE"),
    ] = "auto",
    json: Json = False,
) -> int:
    """Writes a model in another form: for llama.cpp and Ollama, for PaddleNLP, or for all others.

    Configuration, tokenizer and template go along. Into a folder no bit is lost, unless --dtype
    says so. With --json it prints {"path", "form", "dtype", "bytes"}.
    """
    from pathlib import Path

    from sampan.cli.output import print_json
    from sampan.cli.progress import progress
    from sampan.cli.sizes import human_bytes
    from sampan.convert import convert as write

    target = Path(destination).expanduser()
    into = "gguf" if target.suffix.lower() == ".gguf" else form
    what = f"Writing {target.name}"
    with progress(what) as report:
        dtype = write(source, target, form=into, dtype=dtype, report=lambda done, total: report(what, done, total))
    files = target.iterdir() if target.is_dir() else [target]
    size = sum(file.stat().st_size for file in files)
    if json:
        print_json({"path": str(target), "form": into, "dtype": dtype, "bytes": size})
    else:
        print(f"{target}: {human_bytes(size)}, {into} in {dtype}")
    return 0
