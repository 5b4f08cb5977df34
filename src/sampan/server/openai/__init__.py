"""OpenAI's API: chat, completions, models. A route reads a request, asks the service and has the answer shaped."""
