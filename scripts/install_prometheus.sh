#!/usr/bin/env bash
# Brings the Prometheus that tests/deploy runs: the distribution's own package, unpacked into .venv/prometheus where none
# is installed. Nothing is installed on the machine, no service starts, and no rights are needed. Without one, those
# tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$PWD/.venv/prometheus
if command -v prometheus >/dev/null && command -v promtool >/dev/null; then exit 0; fi
if [ -x "$folder/usr/bin/promtool" ]; then exit 0; fi

give_up() {
  echo "There is no Prometheus, and $1: the tests that need one will be skipped." >&2
  exit 0
}
command -v apt-get >/dev/null || give_up "no apt-get to bring it"

echo "Fetching Prometheus"
fetched=$(mktemp -d)
trap 'rm -rf "$fetched"' EXIT
mkdir -p "$fetched"/{lists,cache}/partial
own=(-qq -o "Dir::State::lists=$fetched/lists" -o "Dir::Cache=$fetched/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=)
cd "$fetched"
apt-get "${own[@]}" update || give_up "its package list cannot be fetched"
apt-get "${own[@]}" download prometheus || give_up "its package cannot be fetched"
mkdir -p "$folder"
dpkg-deb --extract prometheus_*.deb "$folder"
