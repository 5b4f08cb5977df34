"""Reading an engine's output as text, for whoever hands answers to people: the Python API and the server."""

from __future__ import annotations

from sampan.engine.outputs import REPETITION, REPETITION_DETECTED, EngineOutput, FinishReason
from sampan.text import TextDelta, TextStream


def read_output(stream: TextStream, output: EngineOutput) -> tuple[TextDelta, FinishReason | None, int | str | None]:
    """What a step's output adds to the text, and why the answer ends with it, if it does: finish and stop reason.

    The engine knows no text, so a stop string is found here, and it comes before the engine's own reason.
    """
    is_stop = output.finish_reason is FinishReason.STOP and output.stop_reason not in (REPETITION, REPETITION_DETECTED)
    delta = stream.push(output.new_token_ids, last_is_stop=is_stop)
    if output.finish_reason is None and delta.stopped_by is None:
        return delta, None, None
    delta += stream.finish()
    if delta.stopped_by is not None:
        return delta, FinishReason.STOP, delta.stopped_by
    return delta, output.finish_reason, output.stop_reason
