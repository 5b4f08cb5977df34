"""`/generate`, which several servers have, each in a shape of its own: four of them and the simplest are told apart by
their fields (`shapes`), and each has a file with its requests and its answers."""
