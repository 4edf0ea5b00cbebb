#!/bin/sh
# Writes constraints.txt from a fresh environment. torch keeps its plain version: "==2.13.0"
# matches the CPU build where pip finds one and the CUDA build elsewhere.
set -eu
python=${1:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q 'torch==2.13.0' -e '.[dev,docs,hub,quantised,ray]'
{
    echo "# Written by \`make lock\`: the versions that the suite passes with."
    "$folder/venv/bin/python" -m pip freeze --exclude-editable | sed -E 's/\+cpu$//'
} > constraints.txt
