#!/usr/bin/env bash
# Says in one line what the machine lacks for a build, and what to do about it. Reads PYTHON and CXX.
set -euo pipefail

need() {
  echo "sampan: $1" >&2
  echo "  $2" >&2
  exit 2
}

python=${PYTHON:-python3}
compiler=${CXX:-c++}

command -v "$python" >/dev/null || need "no Python: '$python' is not found" "install Python 3.10 to 3.13, or name one: make PYTHON=/path/to/python3"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || need "'$python' does not run" "name another: make PYTHON=/path/to/python3"
case $version in
  3.10 | 3.11 | 3.12 | 3.13) ;;
  *) need "Python $version is not supported by PaddlePaddle 3.3" "name one of 3.10 to 3.13: make PYTHON=python3.12" ;;
esac
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  need "Python $version lacks venv" "on Debian and Ubuntu: apt-get install python$version-venv"
"$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
  need "Python $version lacks its C headers (Python.h)" "on Debian and Ubuntu: apt-get install python$version-dev; on Fedora: dnf install python3-devel"
command -v "$compiler" >/dev/null ||
  need "no C++ compiler: '$compiler' is not found" "on Debian and Ubuntu: apt-get install g++; on Fedora: dnf install gcc-c++; or name one: make CXX=clang++"
echo 'int main() { return 0; }' | "$compiler" -std=c++20 -fsyntax-only -x c++ - 2>/dev/null ||
  need "the C++ compiler '$compiler' does not know C++20" "use g++ 10, clang 12 or newer, or name one: make CXX=g++-12"
