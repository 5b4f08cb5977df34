"""What requests may call a model."""

from sampan.config import ServerConfig
from sampan.server.naming import name_model


def test_a_model_answers_to_all_its_names():
    config = ServerConfig()
    named = name_model(config, "deepseek-r1-distill-qwen-7b", None)
    assert named.served_model_name == "deepseek-r1-distill-qwen-7b"
    assert named.aliases == ("qwen-7b", "r1-7b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B")
    assert named.model_license == "MIT over Apache-2.0"
    chosen = name_model(config, "deepseek-r1-distill-qwen-7b", "qwen-7b")
    assert chosen.served_model_name == "qwen-7b"
    assert chosen.aliases == ("deepseek-r1-distill-qwen-7b", "r1-7b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B")
    own = name_model(config, "my-model", None)
    assert (own.served_model_name, own.aliases) == ("my-model", ())
