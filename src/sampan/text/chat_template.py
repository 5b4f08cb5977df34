"""From chat messages to prompt tokens, by the model's own chat template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sampan.errors import RequestError, TokenizerError
from sampan.text.library_errors import one_line
from sampan.text.marks import Marks
from sampan.text.messages import ChatMessage, parse_messages
from sampan.text.reasoning import THINK_END, THINK_START, ReasoningSplitter
from sampan.text.tokenizer import Tokenizer
from sampan.text.tokenizer_config import SPECIAL_TOKEN_ROLES
from sampan.text.turns import tools_text, turns_of, with_system_text

ASSISTANT_TAG = "<｜Assistant｜>"
THINKING_OFF = f"{THINK_START}\n\n{THINK_END}\n\n"
MAX_NAME_CHARS = 40
_OWN_VARIABLES = frozenset(("messages", "tools", "documents", "add_generation_prompt", "chat_template"))
THINKING_SWITCHES = ("enable_thinking", "thinking")


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """A rendered conversation.

    Args:
        token_ids: the prompt, with exactly one BOS where the model's texts begin with one.
        text: the same as text.
        starts_in_reasoning: whether the prompt ends inside the thought, so that the model's first words belong to it.
    """

    token_ids: tuple[int, ...]
    text: str
    starts_in_reasoning: bool


class ChatTemplate:
    """A model's chat template. Special tokens come from the template alone, never from messages, tools or documents.

    Args:
        tokenizer: of the same model.
        source: Jinja; None takes the tokenizer's own.

    Raises:
        TokenizerError: there is no template, or it cannot render one plain message.
    """

    def __init__(self, tokenizer: Tokenizer, source: str | None = None) -> None:
        # Here, since Jinja takes longer to import than all the rest, and plain completions do without.
        from sampan.text.sandbox import TemplateSandbox

        source = tokenizer.config.chat_template if source is None else source
        if source is None:
            raise TokenizerError(
                "the model has no chat template",
                remedy="put its chat_template.jinja into the folder, or complete plain text",
            )
        self._tokenizer = tokenizer
        self._sandbox = TemplateSandbox()
        try:
            self._template = self._sandbox.load(source)
            self._knows_tools = self._sandbox.uses(source, "tools")
            self._joins_systems = False
            self.encode([{"role": "user", "content": "Hello"}])
        except Exception as error:  # foreign code may raise anything
            raise TokenizerError(
                f"the chat template is unusable: {one_line(error)}", remedy="use the template that came with the model"
            ) from error
        self._joins_systems = not self._shows_two_systems()

    def encode(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        thinking: bool = True,
        add_generation_prompt: bool | None = None,
        continue_final_message: bool = False,
        tools: Sequence[Mapping[str, Any]] | None = None,
        documents: Sequence[Mapping[str, Any]] | None = None,
        template_kwargs: Mapping[str, Any] | None = None,
    ) -> ChatPrompt:
        """Renders and encodes a conversation.

        Args:
            messages: in OpenAI's shape, see `parse_messages`.
            thinking: let the model think first: the prompt ends in `<think>`, exactly one, whatever the template's age.
                Otherwise it ends in an empty thought; the distills were not trained for that and answer worse.
            add_generation_prompt: end where the assistant speaks next; None means unless `continue_final_message`.
            continue_final_message: end inside the last message, an assistant's, for the model to go on. A `</think>` in
                it, or `reasoning_content` beside it, tells its thought from its answer.
            tools: in OpenAI's shape. Where the template says nothing of tools, as R1's own, the system text describes
                them, and calls and results of earlier turns are written in that template's syntax; see `turns`.
            documents: handed to the template; R1's own ignores them.
            template_kwargs: more variables for the template; `enable_thinking` or `thinking` among them wins over
                `thinking`.

        Raises:
            RequestError: malformed messages or options, or the template refuses them; `param` names the field.
        """
        chat = parse_messages(messages)
        variables, thinking = _checked_variables(template_kwargs or {}, thinking)
        variables |= {"tools": tools or None, "documents": documents or None}
        if continue_final_message:
            _check_continuation(chat[-1], add_generation_prompt)
        marks = Marks(self._tokenizer, [variables, [[message.for_template(), message.reasoning] for message in chat]])
        wants_answer = not continue_final_message and add_generation_prompt is not False
        variables = marks.guard_all(variables) | {"add_generation_prompt": wants_answer}
        variables |= {switch: thinking for switch in THINKING_SWITCHES}
        shown, begun = self._messages(chat[:-1] if continue_final_message else chat, tools, marks)
        if continue_final_message:
            beginning, is_thinking = _beginning(chat[-1], marks)
            text = self._render_begun(shown, (begun or "") + beginning, variables, marks)
        elif begun is not None:
            text = self._render_begun(shown, begun, variables, marks)
            is_thinking = wants_answer and thinking and self._tokenizer.think_start_id is not None
            text = self._with_thought(text, thinking) if wants_answer else text
        else:
            text = self._render(shown, variables)
            text = self._with_thinking(text, thinking) if wants_answer else text
            is_thinking = wants_answer and text.rstrip().endswith(THINK_START)
        text = self._with_one_bos(text)
        return ChatPrompt(tuple(self._encode(text, marks)), marks.remove(text), is_thinking)

    def as_written(self, messages: Sequence[Mapping[str, Any]], *, add_generation_prompt: bool = True) -> str:
        """What the template alone makes of trusted messages with a role and a text each: no BOS is put in or taken out,
        no thought is opened, nothing is guarded. For looking at templates; prompts are `encode`'s.

        Raises:
            RequestError: the template refuses the messages.
        """
        variables = {"tools": None, "documents": None, "add_generation_prompt": add_generation_prompt}
        return self._render(messages, variables | dict.fromkeys(THINKING_SWITCHES, True))

    def _shows_two_systems(self) -> bool:
        """Whether a second system message leaves the first one standing, which in R1's template it does not."""
        messages = [
            {"role": role, "content": f"the {role}, {n}"} for n, role in enumerate(("system", "system", "user"))
        ]
        try:
            return "the system, 0" in self.encode(messages).text
        except RequestError:
            return False

    def _messages(
        self, chat: Sequence[ChatMessage], tools: Sequence[Mapping[str, Any]] | None, marks: Marks
    ) -> tuple[list[dict[str, Any]], str | None]:
        """What the template is to show, guarded; and where the assistant's last turn goes on, the text of that turn."""
        if self._knows_tools:
            return marks.guard_all([message.for_template() for message in chat]), None
        turns = turns_of(chat, marks.guard, self._tokenizer.config.special_tokens.get("eos_token", ""))
        begun = turns.pop().content if turns and turns[-1].is_open else None
        turns = with_system_text(turns, tools_text(tools or (), marks.guard), joins_all=self._joins_systems)
        return [{"role": turn.role, "content": turn.content} for turn in turns], begun

    def _render(self, messages: Sequence[Mapping[str, Any]], variables: Mapping[str, Any]) -> str:
        """The template's text, with marks in what is not its own."""
        special_tokens = self._tokenizer.config.special_tokens
        try:
            return self._sandbox.render(self._template, {**variables, **special_tokens, "messages": messages})
        except Exception as error:  # foreign code may raise anything
            raise RequestError(
                f"the chat template cannot show these messages: {one_line(error)}",
                param="messages",
                remedy="check the order of roles and what each message holds",
            ) from error

    def _render_begun(
        self, earlier: Sequence[Mapping[str, Any]], beginning: str, variables: Mapping[str, Any], marks: Marks
    ) -> str:
        """The text up to and with the beginning of the assistant's turn."""
        last = {"role": "assistant", "content": marks.hole}
        shown = self._render([*earlier, last], {**variables, "add_generation_prompt": False})
        head, hole, _ = shown.rpartition(marks.hole)
        if not hole:
            raise RequestError(
                "the chat template does not show the last message",
                param="messages",
                remedy="let a user's message be the last one",
            )
        return head + beginning

    def _with_thinking(self, text: str, thinking: bool) -> str:
        """Distill templates of February 2025 end in `<think>`, those of January do not: here they come to the same."""
        if text.rstrip().endswith(THINK_START):
            return text if thinking else text.rstrip()[: -len(THINK_START)] + THINKING_OFF
        return self._with_thought(text, thinking) if text.endswith(ASSISTANT_TAG) else text

    def _with_thought(self, text: str, thinking: bool) -> str:
        """The thought is opened, or is over already, if the model knows thoughts."""
        if self._tokenizer.think_start_id is None:
            return text
        return text + (f"{THINK_START}\n" if thinking else THINKING_OFF)

    def _with_one_bos(self, text: str) -> str:
        bos = self._tokenizer.config.special_tokens.get("bos_token")
        if bos is None:
            return text
        while text.startswith(bos + bos):
            text = text[len(bos) :]
        return bos + text if self._tokenizer.adds_bos and not text.startswith(bos) else text

    def _encode(self, text: str, marks: Marks) -> list[int]:
        try:
            return self._tokenizer.encode_with_specials(text, mark=marks.mark)
        except RequestError as error:
            raise RequestError(error.message, param="messages", remedy=error.remedy) from error


def _checked_variables(template_kwargs: Mapping[str, Any], thinking: bool) -> tuple[dict[str, Any], bool]:
    variables = dict(template_kwargs)
    for name in variables:
        if name in _OWN_VARIABLES or name in SPECIAL_TOKEN_ROLES or not name.isidentifier():
            raise RequestError(
                f"chat_template_kwargs cannot set {name[:MAX_NAME_CHARS]!r}",
                param=f"chat_template_kwargs.{name[:MAX_NAME_CHARS]}",
                remedy="it is no variable name or not the request's to set; leave it out",
            )
    for switch in THINKING_SWITCHES:
        thinking = variables.pop(switch, thinking)
        if not isinstance(thinking, bool):
            raise RequestError(
                f"chat_template_kwargs.{switch} is neither true nor false",
                param=f"chat_template_kwargs.{switch}",
                remedy="use true or false",
            )
    return variables, thinking


def _check_continuation(last: ChatMessage, add_generation_prompt: bool | None) -> None:
    if add_generation_prompt:
        raise RequestError(
            "continue_final_message and add_generation_prompt exclude each other",
            param="continue_final_message",
            remedy="set one of them",
        )
    if last.role != "assistant" or last.tool_calls:
        raise RequestError(
            "continue_final_message wants an assistant's text as the last message",
            param="continue_final_message",
            remedy="put the beginning of the answer last",
        )


def _beginning(message: ChatMessage, marks: Marks) -> tuple[str, bool]:
    """The beginning of an answer that the model goes on with, and whether that is inside its thought."""
    reasoning, content = message.reasoning, message.content or ""
    if reasoning is None:
        splitter = ReasoningSplitter(starts_in_reasoning=THINK_END in content)
        parts = (splitter.push(content), splitter.finish())
        if not splitter.has_reasoning:
            return marks.guard(content), False
        reasoning = "".join(part.reasoning for part in parts)
        is_thinking = not splitter.has_content
        content = "".join(part.content for part in parts)
    else:
        is_thinking = not content
    if is_thinking:
        return f"{THINK_START}\n{marks.guard(reasoning)}", True
    thought = marks.guard(reasoning.strip("\n"))
    return f"{THINK_START}\n{thought}\n{THINK_END}\n\n{marks.guard(content)}", False
