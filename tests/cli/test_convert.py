"""`sampan convert`: the destination's name says which form is meant."""

import json

from sampan.checkpoint import GgufCheckpoint, open_checkpoint
from sampan.cli.main import main


def test_a_gguf_file(tmp_path, capsys):
    assert main(["convert", "sampan-tiny", str(tmp_path / "m.gguf"), "--json"]) == 0
    size = (tmp_path / "m.gguf").stat().st_size
    assert json.loads(capsys.readouterr().out) == {
        "path": str(tmp_path / "m.gguf"),
        "form": "gguf",
        "dtype": "q8_0",
        "bytes": size,
    }
    assert isinstance(open_checkpoint(tmp_path / "m.gguf"), GgufCheckpoint)


def test_a_folder(tmp_path, capsys):
    assert main(["convert", "sampan-tiny", str(tmp_path / "m"), "--form", "pdparams"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'm'}: 8.3 MB, pdparams in bf16\n"
    assert (tmp_path / "m" / "model_state.pdparams").is_file()


def test_what_cannot_be_is_refused(tmp_path, capsys):
    assert main(["convert", "sampan-tiny", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["convert", "sampan-tiny", str(tmp_path / "m"), "--dtype", "q8_0"]) == 2
