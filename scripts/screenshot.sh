#!/usr/bin/env bash
# A page as a browser shows it: scripts/screenshot.sh PAGE.html PICTURE.png [WIDTH,HEIGHT]. Needs a headless Chromium.
set -euo pipefail
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { echo "no chromium here" >&2; exit 5; }
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
"$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
  --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$profile" \
  --screenshot="$(realpath -m "$2")" --window-size="${3:-1200,1500}" "file://$(realpath "$1")" 2>/dev/null
