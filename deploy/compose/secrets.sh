#!/usr/bin/env bash
# secrets.sh FOLDER: makes what compose.yaml keeps secret, once; what is there is never changed.
# The folder is its owner's alone. The files in it can be read by all, because containers run under
# other users than you and are given the files one by one.
set -euo pipefail
folder=$1
umask 077
mkdir -p "$folder"
chmod 700 "$folder"

keep() { # NAME CONTENT: kept whole or not at all
	[ -e "$folder/$1" ] && return
	rm -f "$folder/.$1"
	printf '%s\n' "$2" >"$folder/.$1"
	chmod 444 "$folder/.$1"
	ln "$folder/.$1" "$folder/$1" 2>/dev/null || true # another run was first
	rm -f "$folder/.$1"
}

for name in database_root_password database_password redis_password key_pepper grafana_password; do
	keep "$name" "$(openssl rand -hex 32)"
done
keep redis_conf "requirepass $(cat "$folder/redis_password")
save \"\"
appendonly no
maxmemory 64mb
maxmemory-policy noeviction"
keep api_keys "admin:$(openssl rand -hex 32)"
keep model_signing_key "$(openssl genpkey -algorithm ed25519)"
