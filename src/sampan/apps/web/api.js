// The server's API as this page uses it. URLs are relative to the page, so that any path of a proxy works.

import { events } from "./sse.js";
import { ThoughtSplitter } from "./thought_splitter.js";

/**
 * Why a request failed: `kind` is a word that the page knows how to explain, `message` what the server said,
 * `retryAfter` the seconds after which it may be tried again.
 */
export class ApiError extends Error {
  constructor(kind, message = "", retryAfter = 0) {
    super(message);
    this.kind = kind;
    this.retryAfter = retryAfter;
  }
}

const KINDS = { 401: "key", 403: "forbidden", 429: "busy", 503: "loading" };

const kindOf = (status) => KINDS[status] ?? (status >= 500 ? "failed" : "refused");

async function request(path, key, options = {}) {
  const headers = { ...(options.body && { "content-type": "application/json" }), ...(key && { authorization: `Bearer ${key}` }) };
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), { ...options, headers, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("offline");
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const kind = response.status === 401 && key ? "keyWrong" : kindOf(response.status);
  throw new ApiError(kind, body.error?.message ?? "", Number(response.headers.get("retry-after")) || 0);
}

/** The names of the served models. */
export async function models(key) {
  const response = await request("v1/models", key);
  return (await response.json()).data.map((card) => card.id);
}

/** Ends the thought of an open answer. */
export async function answerNow(id, key) {
  await request(`v1/chat/completions/${encodeURIComponent(id)}/answer_now`, key, { method: "POST" });
}

/**
 * Streams an answer. Yields `{id, thought, content, finish, stopReason, usage}`, each with what the event brought.
 *
 * Throws an `ApiError`, of kind `lost` where the stream ends before its `[DONE]`, and an `AbortError` after an abort.
 */
export async function* chat(body, key, signal) {
  const options = { method: "POST", body: JSON.stringify(body), signal };
  const response = await request("v1/chat/completions", key, options);
  const splitter = new ThoughtSplitter();
  try {
    for await (const data of events(response.body)) {
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new ApiError(kindOf(chunk.error.code), chunk.error.message);
      const choice = chunk.choices?.[0];
      const delta = choice?.delta ?? {};
      const { thought, content } = splitter.take(delta.content ?? "");
      yield {
        id: chunk.id,
        thought: (delta.reasoning_content ?? delta.reasoning ?? "") + thought,
        content,
        finish: choice?.finish_reason ?? "",
        stopReason: choice?.stop_reason ?? "",
        usage: chunk.usage ?? null,
      };
    }
  } catch (error) {
    if (error instanceof ApiError || error.name === "AbortError") throw error;
    throw new ApiError("lost");
  }
  throw new ApiError("lost");
}
