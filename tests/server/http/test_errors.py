"""Every error class has its status and the OpenAI body, before and after a stream began."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from sampan import errors
from sampan.engine.outputs import TIMEOUT, EngineOutput, FinishReason
from sampan.errors import SampanError
from sampan.server.http.errors import error_body, error_kind
from scripted_engine import ScriptedEngine

EXPECTED = {
    errors.SampanError: (500, "InternalServerError"),
    errors.UsageError: (500, "InternalServerError"),
    errors.CheckpointError: (500, "InternalServerError"),
    errors.TokenizerError: (500, "InternalServerError"),
    errors.ConfigError: (500, "InternalServerError"),
    errors.UnknownModelError: (404, "NotFoundError"),
    errors.RequestError: (400, "BadRequestError"),
    errors.ContextLengthError: (400, "BadRequestError"),
    errors.UnknownAnswerError: (404, "NotFoundError"),
    errors.UnsupportedError: (501, "NotImplementedError"),
    errors.OverloadedError: (429, "rate_limit_error"),
    errors.UnavailableError: (503, "unavailable_error"),
    errors.DeadlineError: (408, "timeout_error"),
    errors.HubError: (500, "InternalServerError"),
    errors.QualityError: (500, "InternalServerError"),
    errors.EngineError: (500, "InternalServerError"),
}
SECRET = "/home/someone/model at 0x7f00"


def tree(root: type[SampanError]) -> Iterator[type[SampanError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


def test_the_table_above_is_complete():
    assert set(tree(SampanError)) == set(EXPECTED)


@pytest.mark.parametrize("error_class", EXPECTED, ids=lambda c: c.__name__)
def test_each_class_as_an_answer(ask, error_class):
    status, type_ = EXPECTED[error_class]
    response = ask(engine=ScriptedEngine(refusal=error_class(SECRET))).chat()
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == (type_, status)
    assert (SECRET in error["message"]) == (status != 500)


@pytest.mark.parametrize("error_class", EXPECTED, ids=lambda c: c.__name__)
def test_a_refusal_keeps_its_status_when_a_stream_was_asked_for(ask, error_class):
    response = ask(engine=ScriptedEngine(refusal=error_class("no"))).chat(stream=True)
    assert response.status_code == EXPECTED[error_class][0]
    assert response.headers["content-type"] == "application/json"


def test_our_own_bugs_show_nothing(ask, caplog):
    response = ask(engine=ScriptedEngine(refusal=KeyError("the whole prompt"))).chat(stream=True)
    assert response.status_code == 500
    assert response.json()["error"] == {
        "message": "Internal error. The server's log says more under this request's id",
        "type": "InternalServerError",
        "param": None,
        "code": 500,
    }
    assert response.headers["x-request-id"] in caplog.text
    assert "KeyError" in caplog.text
    assert "the whole prompt" not in caplog.text


def test_param_and_remedy_are_shown():
    error = errors.RequestError("n=0 is out of range", param="n", remedy="use 1")
    assert error_body(error)["error"]["message"] == "n=0 is out of range (use 1)"
    assert error_body(error)["error"]["param"] == "n"


def test_a_new_subclass_is_answered_like_its_parent():
    class NewError(errors.OverloadedError):
        pass

    assert error_kind(NewError("full")) is error_kind(errors.OverloadedError("full"))


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (2.5, "3")])
def test_overload_says_when_to_come_back(ask, seconds, header):
    response = ask(engine=ScriptedEngine(refusal=errors.OverloadedError("full", retry_after=seconds))).chat()
    assert response.headers["retry-after"] == header


def test_ours_to_mend_is_logged_under_the_request_s_id(ask, caplog):
    response = ask(engine=ScriptedEngine(refusal=errors.EngineError(SECRET))).chat()
    broken = ask(engine=ScriptedEngine(["A thought"], failure=errors.EngineError(SECRET), fail_after=3))
    stream = broken.chat(stream=True)
    logged = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert logged == [f"{answer.headers['x-request-id']} failed: {SECRET}" for answer in (response, stream)]


def test_what_fastapi_itself_refuses_is_400_and_not_repeated(ask):
    asked = ask()

    @asked.app.get("/typed")
    def typed(number: int) -> int:
        return number

    response = asked.get("/typed", params={"number": "PRIVATE"})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "number"
    assert "PRIVATE" not in response.text


@pytest.mark.parametrize("failure", [errors.EngineError(SECRET), RuntimeError(SECRET)])
def test_an_error_after_the_beginning_is_an_event(ask, failure):
    asked = ask(engine=ScriptedEngine(["A thought"], failure=failure, fail_after=3))
    first, *_, last = asked.stream()
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert last["error"]["code"] == 500
    assert SECRET not in json.dumps(last)
    assert asked.engine.open_ids == set()


@pytest.mark.parametrize(
    ("reason", "stop_reason", "status"),
    [(FinishReason.ERROR, "nan", 500), (FinishReason.ABORT, None, 503), (FinishReason.ABORT, TIMEOUT, 408)],
)
def test_ends_that_are_no_answer(ask, reason, stop_reason, status):
    def make():
        return ask(engine=ScriptedEngine(["x"], last=EngineOutput("", (), (), reason, stop_reason), fail_after=1))

    assert make().chat().status_code == status
    assert make().stream()[-1]["error"]["code"] == status


@pytest.mark.parametrize(
    ("method", "path", "status", "type_"),
    [
        ("GET", "/nowhere", 404, "NotFoundError"),
        ("GET", "/docs", 404, "NotFoundError"),
        ("GET", "/v1/chat/completions/", 404, "NotFoundError"),
        ("GET", "/generate", 405, "MethodNotAllowedError"),
        ("DELETE", "/v1/models", 405, "MethodNotAllowedError"),
    ],
)
def test_wrong_paths_and_methods(ask, method, path, status, type_):
    response = ask().request(method, path)
    assert response.status_code == status
    assert (response.json()["error"]["type"], response.json()["error"]["code"]) == (type_, status)
