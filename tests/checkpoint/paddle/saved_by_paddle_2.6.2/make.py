"""Writes the files beside it. Run it where Paddle 2.6.2 is installed: `pip install paddlepaddle==2.6.2 'numpy<2'`."""

from pathlib import Path

import numpy as np
import paddle

assert paddle.__version__ == "2.6.2"
folder = Path(__file__).parent
values = (np.arange(8 * 6, dtype=np.float32) - 20).reshape(8, 6) / 16
layer = paddle.nn.Linear(8, 6)
layer.weight.set_value(values)
layer.bias.set_value(values[0])
state = layer.state_dict()
for protocol in (2, 3, 4):
    paddle.save(state, str(folder / f"float32-protocol-{protocol}.pdparams"), protocol=protocol)
for dtype in ("float16", "bfloat16"):
    paddle.save({name: value.astype(dtype) for name, value in state.items()}, str(folder / f"{dtype}.pdparams"))
wide = (np.arange(128 * 64) % 128 - 64).reshape(128, 64)
wide[0] = 127  # so that every channel's scale is 1 and the codes are the values
codes, scales = paddle.nn.quant.weight_quantize(paddle.to_tensor(wide, "float16"), algo="weight_only_int8", arch=80)
name = "qwen2.layers.0.self_attn.q_proj."
paddle.save({name + "quant_weight": codes, name + "quant_scale": scales}, str(folder / "weight-only-int8.pdparams"))
