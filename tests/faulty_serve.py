"""`sampan serve` whose engine processes are `faulty_engine`s."""

import sys

from sampan.cli import main
from sampan.cluster import supervisor

if __name__ == "__main__":
    supervisor.ENGINE_MODULE = "faulty_engine"
    sys.exit(main(["serve", *sys.argv[1:]]))
