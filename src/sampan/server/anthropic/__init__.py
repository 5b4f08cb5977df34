"""Anthropic's API: messages, whole or as named events, and the count of a prompt's tokens.

Content is in blocks here: a conversation's are turned into the messages that the chat template knows, and an answer's
thought, text and tool calls into blocks again.
"""
