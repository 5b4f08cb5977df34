"""Wrong input gives one clear line, a remedy and exit code 2: the real command, as a user meets it."""

import json
import shutil
import socket
import struct

import pytest


@pytest.fixture
def damaged(model_folder, tmp_path):
    """A copy of the model folder to damage."""
    return shutil.copytree(model_folder, tmp_path / "damaged")


@pytest.fixture
def refused(sampan):
    """Runs a command that must be refused; gives the message and the remedy, each of one line."""

    def refused(*words, **environment):
        done = sampan(*words, **environment)
        assert (done.returncode, done.stdout) == (2, "")
        error, remedy = done.stderr.splitlines()
        assert error.startswith("error: ")
        assert remedy.startswith("remedy: ")
        return error.removeprefix("error: "), remedy.removeprefix("remedy: ")

    return refused


def test_the_model_folder_is_missing(refused, tmp_path):
    error, _ = refused("generate", tmp_path / "none", "hi")
    assert error == f"the folder {str(tmp_path / 'none')!r} does not exist"


def test_the_name_is_unknown_and_near_ones_are_offered(refused):
    error, remedy = refused("generate", "deepseek-r1-distill-qwen-7", "hi")
    assert error == "no model is called 'deepseek-r1-distill-qwen-7'"
    assert "deepseek-r1-distill-qwen-7b" in remedy


def test_the_name_is_known_but_the_model_is_not_here(refused):
    error, remedy = refused("chat", "qwen-7b")
    assert error == "deepseek-r1-distill-qwen-7b is not on this machine"
    assert remedy == "sampan pull deepseek-r1-distill-qwen-7b"


def test_the_weights_are_truncated(refused, damaged):
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    error, _ = refused("generate", damaged, "hi")
    assert str(weights) in error


def test_a_tensor_is_missing(refused, damaged):
    weights = damaged / "model.safetensors"
    data = weights.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    name = max((name for name in header if name != "__metadata__"), key=lambda name: header[name]["data_offsets"])
    end = header.pop(name)["data_offsets"][0]
    text = json.dumps(header).encode().ljust(length)
    weights.write_bytes(data[:8] + text + data[8 + length : 8 + length + end])
    error, _ = refused("serve", damaged, "--port", "0")
    assert name in error


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_file_is_missing(refused, damaged, file):
    (damaged / file).unlink()
    error, _ = refused("generate", damaged, "hi")
    assert str(damaged) in error


def test_the_port_is_in_use(refused, model_folder):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        error, remedy = refused("serve", model_folder, "--port", port)
    assert error == f"127.0.0.1:{port} is in use"
    assert "--port 0" in remedy


def test_a_number_of_workers_that_makes_no_sense(refused):
    assert refused("serve", "--workers", "0")[0] == "workers=0 is out of range"


def test_an_address_that_others_can_reach(refused, model_folder):
    error, _ = refused("serve", model_folder, "--host", "0.0.0.0", "--port", "0")
    assert error.startswith("0.0.0.0 can be reached by other machines")


def test_a_value_is_out_of_range_before_a_model_is_looked_for(refused):
    assert refused("generate", "no-such-model", "hi", "--temperature", "-1")[0].startswith("temperature=-1.0")
    assert refused("generate", "no-such-model", "hi", SAMPAN_TOP_P="2")[0].startswith("top_p=2.0")
