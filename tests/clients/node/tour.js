// The `openai` client for Node against the server at BASE_URL; prints what it has seen as one line of JSON.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: "unused", maxRetries: 0 });
const request = {
  model: "sampan-tiny",
  messages: [{ role: "user", content: "How do I reset the router?" }],
  temperature: 0,
  max_tokens: 200,
};
const tool = {
  type: "function",
  function: {
    name: "file",
    parameters: { type: "object", properties: { kind: { enum: ["question", "fault"] } }, required: ["kind"], additionalProperties: false },
  },
};

const whole = await client.chat.completions.create(request);

let streamed = "";
let finishReasons = [];
for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
  streamed += chunk.choices[0].delta.content ?? "";
  if (chunk.choices[0].finish_reason) finishReasons.push(chunk.choices[0].finish_reason);
}

const helped = await client.chat.completions.stream(request).finalContent();
const called = await client.chat.completions.create({ ...request, tools: [tool], tool_choice: "required" });
const completion = await client.completions.create({ model: "sampan-tiny", prompt: "The harbour is", max_tokens: 4 });

const models = [];
for await (const model of client.models.list()) models.push(model.id);

let refusal;
try {
  await client.chat.completions.create({ ...request, n: 0 });
} catch (error) {
  refusal = [error instanceof OpenAI.BadRequestError, error.status, error.param];
}

console.log(
  JSON.stringify({
    content: whole.choices[0].message.content,
    streamed,
    helped,
    finishReasons,
    finishReason: whole.choices[0].finish_reason,
    arguments: JSON.parse(called.choices[0].message.tool_calls[0].function.arguments),
    completionTokens: completion.usage.completion_tokens,
    models,
    refusal,
  }),
);
