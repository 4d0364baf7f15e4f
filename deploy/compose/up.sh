#!/usr/bin/env bash
# Makes the passwords, builds the image where there is none, and starts compose.yaml.
set -euo pipefail
cd "$(dirname "$0")/../.."
mode=${TRADING_MODE:-mock}
if [ ! -f "deploy/compose/$mode.env" ]; then
	echo "TRADING_MODE=$mode: compose runs mock and paper; live belongs on a cluster (k8s)" >&2
	exit 78
fi
deploy/compose/secrets.sh var/compose
echo "Passwords and keys are in var/compose, for you alone; Grafana: admin, var/compose/grafana_password."
if ! docker compose version >/dev/null 2>&1 || ! docker info >/dev/null 2>&1; then
	echo "Docker with its compose plugin is not running here. Where it is:" >&2
	echo "    TRADING_MODE=$mode make compose" >&2
	exit 1
fi
image=${TRADING_IMAGE:-crypto-trading-engine:0.1.0}
docker image inspect "$image" >/dev/null 2>&1 || deploy/image/build.sh platform "$image"
docker compose up --detach
echo "Look: TRADING_API_KEYS_FILE=var/compose/api_keys .venv/bin/trading status, and http://127.0.0.1:3000"
