"""One file for each family of paths. A route reads a request, asks the service and has the answer shaped."""
