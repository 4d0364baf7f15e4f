#!/usr/bin/env bash
# build.sh TARGET TAG [option of the build]...: builds the image with docker, podman or buildah.
# build.sh report TAG: prints its size and that of each layer.
set -euo pipefail
cd "$(dirname "$0")/../.."

works() { command -v "$1" >/dev/null && "$1" info >/dev/null 2>&1; }
engine=""
for one in docker podman buildah; do
	if works "$one"; then
		engine=$one
		break
	fi
done
[ -n "$engine" ] || { echo "no docker, podman or buildah works here: install one" >&2; exit 1; }

if [ "$1" = report ]; then
	archive=$(mktemp --suffix .tar)
	trap 'rm -f "$archive"' EXIT
	case $engine in
	docker) docker save --output "$archive" "$2" ;;
	podman) podman save --quiet --format oci-archive --output "$archive" "$2" ;;
	buildah) rm "$archive" && buildah push --quiet "$2" "oci-archive:$archive" ;;
	esac
	python3 deploy/image/report.py "$archive"
	exit
fi

target=$1 tag=$2
shift 2
build=(docker build)
[ "$engine" = docker ] || build=("$engine" build --layers)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
"${build[@]}" --target "$target" --tag "$tag" --build-arg VERSION="$version" \
	--build-arg REVISION="$revision" "$@" .
