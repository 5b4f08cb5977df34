#!/usr/bin/env bash
# `make demo`: one question to the embedded model, and what to do next. Expects `sampan` on the PATH.
set -euo pipefail

question='如何重置路由器密码?'
echo
echo "Asking the embedded model sampan-tiny: $question"
echo "(\"How do I reset my router's password?\" It thinks first, then it answers.)"
echo
sampan generate "$question"
cat <<'NEXT'

Next:
  source .venv/bin/activate
  sampan chat                     talk with it
  sampan serve                    the same model over HTTP, OpenAI's API and /generate
  sampan generate --help          every option
sampan-tiny is a demonstration that fits into the repository. README.md says how to run a real R1 distill.
NEXT
