"""The rules of the house that a tool can check: who may import whom, and what may be in which file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "sampan"
ROOMS = sorted(path.parent for path in SOURCE.glob("*/__init__.py"))
OF_EXTRAS = {"opentelemetry"}  # imported only where the operator asks for what they do
# Distributions that a declared one brings along and whose modules are part of what it is used for.
BROUGHT_ALONG = {"anyio": "fastapi", "starlette": "fastapi", "httptools": "uvicorn"}


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def includes(path: Path) -> set[str]:
    return set(re.findall(r'^#include [<"](.+)[>"]', path.read_text(encoding="utf-8"), re.MULTILINE))


def run_python(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_imports_go_one_way() -> None:
    """The contracts of pyproject.toml; what breaks one is in the output."""
    result = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_says_what_it_knows_and_what_it_refuses_to_know(room: Path) -> None:
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert re.search(r"\bKnows\b", docstring)
    assert re.search(r"\bRefuses to know\b", docstring)


def test_only_the_hub_asks_other_machines() -> None:
    """So that without `sampan pull` nothing leaves the machine."""
    clients = {"urllib.request", "http.client", "requests", "httpx", "huggingface_hub", "modelscope", "aiohttp"}
    asking = {
        path.relative_to(SOURCE).parts[0]
        for path in SOURCE.rglob("*.py")
        if any(name == client or name.startswith(f"{client}.") for name in imports(path) for client in clients)
    }
    assert asking == {"hub"}


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    vague = {"utils", "helpers", "common", "misc"}
    assert [path for path in SOURCE.rglob("*.py") if path.stem in vague] == []


def test_only_the_native_backend_and_quant_import_the_compiled_module() -> None:
    importers = {path for path in SOURCE.rglob("*.py") if "sampan._native" in set(imports(path))}
    assert SOURCE / "backends" / "native.py" in importers
    assert {path.parent.name for path in importers} <= {"backends", "quant"}
    assert {path.name for path in importers if path.parent.name == "backends"} == {"native.py"}


def test_declared_dependencies_are_the_imported_ones() -> None:
    modules = {name.partition(".")[0] for path in SOURCE.rglob("*.py") for name in imports(path)}
    distributions = packages_distributions()
    imported = {
        BROUGHT_ALONG.get(distribution, distribution)
        for module in modules - sys.stdlib_module_names - {"sampan"} - OF_EXTRAS
        for distribution in (normalized(name) for name in distributions.get(module, [module]))  # 3.10 knows fewer
    }
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")  # tomllib came with Python 3.11
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    unconditional = re.findall(r'^ +"([\w-]+)[^;"]*"', block[1], re.MULTILINE)
    declared = {normalized(name) for name in unconditional}
    assert declared == imported


def normalized(distribution: str) -> str:
    return distribution.lower().replace("_", "-")


def test_importing_sampan_loads_no_room_and_no_dependency() -> None:
    code = "import sys; before = set(sys.modules); import sampan; print(*(set(sys.modules) - before))"
    loaded = {name.partition(".")[0] for name in run_python(code).split() if name != "sampan"}
    assert loaded <= sys.stdlib_module_names


def test_the_public_names_are_there() -> None:
    code = "import sampan; print(all(getattr(sampan, name) for name in sampan.__all__), *dir(sampan))"
    names = "AutoModelForCausalLM AutoTokenizer GenerationConfig LLM SamplingParams TextIteratorStreamer TextStreamer"
    assert run_python(code) == f"True {names} __version__"


def test_the_engine_does_not_load_paddle() -> None:
    code = "import sys; from sampan import *; print('paddle' in sys.modules)"
    assert run_python(code) == "False"


def test_only_the_binding_includes_python() -> None:
    sources = [*(ROOT / "csrc").rglob("*.cpp"), *(ROOT / "csrc").rglob("*.h")]
    with_python = {
        path.parent.name for path in sources if any(n.startswith(("nanobind/", "Python")) for n in includes(path))
    }
    assert with_python == {"binding"}


def test_vector_files_include_no_library_code() -> None:
    """An inline function of a library would be compiled for AVX-512 here, and could be linked in for all machines."""
    csrc = ROOT / "csrc"
    sources = [path for path in (csrc / "x86").iterdir() if path.suffix in {".cpp", ".h"}]
    reached = set(sources)
    while sources:
        path = sources.pop()
        for name in includes(path):
            ours = [folder / name for folder in (path.parent, csrc, csrc / "include") if (folder / name).exists()]
            assert ours or name in {"immintrin.h", "cstdint"}, f"{path.name} includes {name}"
            new = {file.resolve() for file in ours} - reached
            reached |= new
            sources += new


def test_every_kernel_exists_for_every_instruction_set() -> None:
    headers = {
        path.name: path.read_text(encoding="utf-8") for path in (ROOT / "csrc" / "include" / "sampan").glob("*.h")
    }
    table = re.search(r"struct KernelTable \{(.*?)\};", headers["kernels.h"], re.DOTALL)
    assert table is not None
    kinds = set(re.findall(r"^ +(?:const )?(\w+)\*", table[1], re.MULTILINE))
    assert kinds
    for isa in ("generic", "avx2", "avx512"):
        namespace = re.compile(rf"^namespace {isa} \{{\n(.*?)^\}}", re.MULTILINE | re.DOTALL)
        bodies = "".join(body for text in headers.values() for body in namespace.findall(text))
        assert kinds <= set(re.findall(r"^(?:extern const |inline constexpr )?(\w+) \w+", bodies, re.MULTILINE))
