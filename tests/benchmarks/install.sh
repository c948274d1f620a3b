#!/bin/sh
# What the rivals need beside Python packages: Socket.IO's own server and client from npm, and aiolibdatachannel in an
# environment of its own, since it needs CPython 3.12 or newer. What cannot be had is left out: the benchmark says so.
cd "$(dirname "$0")/../.." || exit 1
if command -v npm > /dev/null; then
  (cd tests/benchmarks/node && npm install --silent --no-package-lock --no-audit --no-fund)
fi
for python in "${EITHERWAY_BENCH_PYTHON:-}" "${PYTHON:-python3}" python3.14 python3.13 python3.12; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2> /dev/null; then
    "$python" -m venv .venv-bench &&
      .venv-bench/bin/python -m pip install --quiet --disable-pip-version-check aiolibdatachannel uvloop
    break
  fi
done
exit 0
