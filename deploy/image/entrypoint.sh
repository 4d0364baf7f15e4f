#!/bin/sh
# The first word says what this container is: a service, or the trading command.
set -eu
case "${1:-}" in
trading) ;;
market_data | signal_generator | signals | recommender | risk | executor | portfolio)
	set -- python -m "$@"
	;;
*)
	echo "'${1:-}' is nothing this image can be; choose from market_data, signal_generator," \
		"signals, recommender, risk, executor, portfolio, or: trading COMMAND" >&2
	exit 2
	;;
esac
# numba reads only where it may also write, so what the build has compiled moves to a writable place
if [ ! -d "$NUMBA_CACHE_DIR" ] && ! cp -R "$NUMBA_PREPARED_DIR" "$NUMBA_CACHE_DIR"; then
	echo "$NUMBA_CACHE_DIR cannot be written: mount something writable there (a tmpfs at /tmp)" >&2
	exit 78
fi
exec "$@"
