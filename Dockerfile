# One image for every service and for the `trading` command; the first argument chooses (docs/image.md).
# Where images are to be trusted, pin the base: --build-arg PYTHON_IMAGE=python@sha256:<digest>
ARG PYTHON_IMAGE=python:3.11-slim-bookworm


FROM ${PYTHON_IMAGE} AS base
RUN groupadd --gid 10001 trading \
    && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin trading \
    && install --directory --owner 10001 --group 10001 --mode 0750 /var/lib/trading
# SAFEPATH: nothing is imported from the state folder. NUMBA_CPU_NAME: what is compiled here must be
# of use on any CPU of the architecture. *_NUM_THREADS: not a thread for each core of a big node.
ENV PATH=/opt/trading/bin:/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    JOBLIB_TEMP_FOLDER=/tmp \
    NUMBA_CPU_NAME=generic \
    NUMBA_CACHE_DIR=/tmp/numba \
    NUMBA_PREPARED_DIR=/opt/numba \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    TRADING_STATE_DIR=/var/lib/trading


# What is pinned, in a layer that changes with the lock alone. pip stays beside it. Where packages
# come from is the builder's secret, if there is one: --secret id=pip,src=/etc/pip.conf
FROM base AS dependencies
RUN python -m venv /opt/pip \
    && python -m venv --without-pip /opt/venv \
    && echo /opt/trading > /opt/venv/lib/python3.11/site-packages/trading.pth
COPY requirements.lock /src/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/pip/bin/pip --python /opt/venv install --no-cache-dir --no-compile --require-hashes \
        --requirement /src/requirements.lock \
    && find /opt/venv/lib -depth -type d -name tests -exec rm -rf {} + \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib


FROM dependencies AS builder
WORKDIR /src
COPY . .
RUN /opt/pip/bin/pip --python /opt/venv install --no-compile --no-deps --no-build-isolation \
        --target /opt/trading . \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/trading
# The platform trades once, from training to fills: that proves what was installed, and leaves
# behind what services would otherwise compile at their start.
WORKDIR /tmp
RUN NUMBA_CACHE_DIR=$NUMBA_PREPARED_DIR TRADING_STATE_DIR=/tmp/proof trading demo --candles 480


FROM dependencies AS dependencies-gpu
COPY requirements-gpu.lock /src/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/pip/bin/pip --python /opt/venv install --no-cache-dir --no-compile --require-hashes \
        --no-deps --target /opt/gpu --requirement /src/requirements-gpu.lock \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/gpu


FROM base AS runtime
COPY --from=dependencies /opt/venv /opt/venv
COPY --chmod=0755 deploy/image/entrypoint.sh /usr/local/bin/entrypoint
COPY --chmod=0755 deploy/image/healthcheck.py /usr/local/bin/healthcheck
COPY --from=builder /opt/trading /opt/trading
COPY --from=builder /opt/numba /opt/numba
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="crypto-trading-engine" \
      org.opencontainers.image.description="Machine-learning signals, gated by risk, executed on crypto venues" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# checkov:skip=CKV_DOCKER_2: a command has no health; who runs a service asks its port (compose.yaml, k8s)
USER 10001:10001
WORKDIR /var/lib/trading
ENTRYPOINT ["/usr/local/bin/entrypoint"]


# What `trading train --device cuda` needs, laid over the CPU build (docs/adr/0020)
FROM runtime AS trainer-gpu
COPY --from=dependencies-gpu /opt/gpu /opt/gpu
ENV PYTHONPATH=/opt/gpu \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility


FROM runtime AS platform
