"""One file for each family of paths. A route reads a request, asks `service` and shapes the answer; nothing is decided here."""
