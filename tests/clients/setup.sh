#!/usr/bin/env bash
# Installs the clients that the end-to-end tests drive: a Python venv and Node modules, in a cache folder.
#
#     setup.sh CACHE_DIR
#
# Afterwards: CACHE_DIR/venv/bin/python tests/clients/python/openai_sdk.py …
#             node CACHE_DIR/node/openai_sdk.mjs …
# A second call does nothing while the lists of packages are the same. Packages come by name from PyPI and npm.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: setup.sh CACHE_DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cache=$(cd "$1" && pwd)

for tool in python3 node npm; do
    command -v "$tool" >/dev/null || { echo "setup.sh: $tool is not installed" >&2; exit 3; }
done

# Two callers at once would build the same folder.
if command -v flock >/dev/null; then
    exec 9>"$cache/lock"
    flock 9
fi

wanted=$(cat "$here/python/requirements.txt" <(python3 --version) | cksum)
if [ "$(cat "$cache/venv/.installed" 2>/dev/null)" != "$wanted" ]; then
    echo "setup.sh: Python packages" >&2
    rm -rf "$cache/venv"
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/python/requirements.txt" >&2
    echo "$wanted" >"$cache/venv/.installed"
fi

wanted=$(cat "$here/node/package.json" "$here/node/package-lock.json" <(node --version) | cksum)
if [ "$(cat "$cache/node/.installed" 2>/dev/null)" != "$wanted" ]; then
    echo "setup.sh: Node packages" >&2
    rm -rf "$cache/node"
    mkdir -p "$cache/node"
    cp "$here/node/package.json" "$here/node/package-lock.json" "$cache/node/"
    (cd "$cache/node" && npm ci --silent --ignore-scripts --no-audit --no-fund >&2)
    echo "$wanted" >"$cache/node/.installed"
fi
# Node looks for modules beside the script: it runs from the cache.
cp "$here/node/openai_sdk.mjs" "$cache/node/"
