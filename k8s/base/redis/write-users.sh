#!/bin/sh
# Writes a Redis user for each service from the passwords mounted in $1 to $2: everybody may ring the
# doorbell and listen to it, the executor may count its requests to the venue as well.
set -eu
passwords=$1 users=$2
umask 077
: > "$users"
echo "user default on nopass nocommands resetkeys resetchannels +ping" >> "$users"
for file in "$passwords"/*; do
  user=$(basename "$file")
  digest=$(tr -d '\r\n' < "$file" | sha256sum | cut -d ' ' -f 1)
  rights="resetkeys resetchannels &trading:doorbell +@connection -@admin -@dangerous +publish +subscribe +unsubscribe"
  if [ "$user" = executor ]; then
    rights="$rights ~trading:budget:* +eval +hget +hset +pexpire +pttl +time"
  fi
  echo "user $user on #$digest -@all $rights" >> "$users"
done
