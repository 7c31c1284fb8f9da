#!/bin/sh
# Deletes everything and goes back to a first start: `pulsecart reset`. Asks first; --help shows its options.
set -eu
exec node "$(dirname -- "$0")/../bin/pulsecart.mjs" reset "$@"
