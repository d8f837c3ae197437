#!/usr/bin/env bash
# Makes the committed stubs beside the .proto files, or with --check compares them with fresh ones.
# The generator is pinned to the lowest runtime that agents accept: newer stubs refuse older ones.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.cache/stubs-venv
if [ ! -x "$venv/bin/protoc-gen-mypy_grpc" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q grpcio-tools==1.76.0 mypy-protobuf==4.0.0
fi
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
PATH="$PWD/$venv/bin:$PATH" "$venv/bin/python" -m grpc_tools.protoc -Ibitgauge/protos=protos \
  --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" --mypy_grpc_out="$out" protos/v1/*.proto
if [ "${1:-}" = --check ]; then
  status=0
  for fresh in "$out"/bitgauge/protos/v1/*_pb2*; do
    diff -q "$fresh" "protos/v1/$(basename "$fresh")" || status=1
  done
  [ $status = 0 ] && echo "stubs are fresh" || echo "stubs are stale: run make stubs"
  exit $status
fi
cp "$out"/bitgauge/protos/v1/*_pb2* protos/v1/
