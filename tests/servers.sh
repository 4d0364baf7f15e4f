#!/usr/bin/env bash
# The database and Redis servers that the tests start privately; installed where they are missing.
set -euo pipefail
missing=()
command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server)
command -v redis-server >/dev/null || missing+=(redis-server)
if [ ${#missing[@]} -gt 0 ]; then
  as_root=""
  [ "$(id -u)" -eq 0 ] || as_root="sudo"
  if ! command -v apt-get >/dev/null; then
    echo "install ${missing[*]} (the tests start them privately)" >&2
    exit 1
  fi
  $as_root apt-get update -q
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends "${missing[@]}"
fi
