"""`sampan bench`: the document that scripts rely on, and what is refused."""

import json
from xml.etree import ElementTree

import pytest

from sampan.backends import native
from sampan.cli.bench import read_batches
from sampan.cli.main import main
from sampan.errors import UsageError

QUICK = (
    "--batch",
    "1,2",
    "--tokens",
    "2",
    "--context",
    "3",
    "--prompt-tokens",
    "20",
    "--repeat",
    "1",
    "--threads",
    "1",
)
RESULT = {"phase", "batch", "tokens", "context", "precision", "tokens_per_s", "fraction_of_limit", "bound"}


def test_json_and_picture(capsys, tmp_path):
    picture = tmp_path / "roofline.svg"
    assert main(["bench", *QUICK, "--precision", "fp32", "--json", "--plot", str(picture)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["machine", "model", "limits", "results"]
    assert document["machine"].items() >= {"isa": native.active_isa(), "threads": 1}.items()
    model = document["model"]
    assert (model["name"], model["load_format"], model["kv_cache"]) == ("sampan-tiny", "auto", "fp16")
    assert model["load_seconds"] > 0
    assert model["resident_bytes"] > 0
    assert list(document["limits"]) == ["read_gb_s", "int8_gmac_s", "fp32_gmac_s"]
    assert all(limit > 0 for limit in document["limits"].values())
    results = document["results"]
    assert [(r["phase"], r["batch"], r["tokens"], r["context"], r["precision"]) for r in results] == [
        ("decode", 1, 2, 3, "fp32"),
        ("decode", 2, 2, 3, "fp32"),
        ("prefill", 1, 20, 0, "fp32"),
    ]
    for result in results:
        assert result.keys() == RESULT
        assert result["tokens_per_s"] > 0
        assert result["fraction_of_limit"] > 0
        assert result["bound"] in ("memory", "arithmetic")
    circles = ElementTree.parse(picture).getroot().iter("{http://www.w3.org/2000/svg}circle")
    assert len(list(circles)) == len(results)


def test_the_table(capsys):
    assert main(["bench", *QUICK, "--precision", "int4", "--kv-cache", "int8"]) == 0
    machine, limits, model, empty, head, *rows = capsys.readouterr().out.splitlines()
    assert machine.endswith(f"{native.active_isa()}, 1 thread")
    assert limits.startswith("limits: read ")
    assert model.startswith("sampan-tiny: 3.9M parameters in int4, ")
    assert empty == ""
    assert head.split() == ["phase", "batch", "tokens", "tokens/s", "limit", "reached", "bound", "by"]
    assert [row.split()[:3] for row in rows] == [["decode", "1", "2"], ["decode", "2", "2"], ["prefill", "1", "20"]]


def test_random_weights_need_no_model(capsys, tmp_path):
    folder = tmp_path / "shape"
    folder.mkdir()
    config = {
        "model_type": "llama",
        "vocab_size": 512,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 256,
    }
    (folder / "config.json").write_text(json.dumps(config))
    assert main(["bench", str(folder), *QUICK, "--load-format", "dummy", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["model"]["name"] == "shape"
    assert document["model"]["load_format"] == "dummy"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--batch", "1,x"], "--batch '1,x' is not a list of sizes"),
        (["--batch", ""], "--batch '' is not a list of sizes"),
        (["--batch", "0"], "--batch '0' is not a list of sizes"),
        (["--batch", "1025"], "--batch '1025' is not a list of sizes"),
        (["--tokens", "0"], "--tokens 0 is out of range"),
        (["--context", "-1"], "--context -1 is out of range"),
        (["--prompt-tokens", "0"], "--prompt-tokens 0 is out of range"),
        (["--repeat", "0"], "--repeat 0 is out of range"),
        (["--threads", "0"], "--threads 0 is out of range"),
        (["--precision", "int3"], "--precision: unknown choice 'int3'"),
        (["--kv-cache", "int4"], "--kv-cache: unknown choice 'int4'"),
        (["--load-format", "random"], "--load-format: unknown choice 'random'"),
        (["--plot", "picture.png"], "--plot picture.png: only SVG is drawn"),
        (["--plot", "no-such-folder/picture.svg"], "--plot no-such-folder/picture.svg: the folder does not exist"),
        (["no-such-model"], "no model is called 'no-such-model'"),
        (["--prompt-tokens", "5000", "--batch", "1"], "prefill, 5000 tokens: 5001 tokens exceed the context of 2048"),
    ],
)
def test_wrong_use_is_one_line_and_a_remedy(capsys, words, message):
    assert main(["bench", *words]) == 2
    out, err = capsys.readouterr()
    error, remedy = err.splitlines()
    assert (out, error) == ("", f"error: {message}")
    assert remedy.startswith("remedy: ")


def test_batches():
    assert read_batches("1, 8,32,8") == (1, 8, 32)
    for text in ("²", "1,,2", "1;2", "9" * 5000, "1.5"):
        with pytest.raises(UsageError):
            read_batches(text)
