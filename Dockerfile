# One recipe for every image: `make images`, or
#   docker build --build-arg MEMBER=transformers --build-arg VERSION=0.1.0 -t oo-ml/transformers:0.1.0 .
# MEMBER: transformers, predictors, consumers, pipelines; or a program that is not ours: litellm, mlflow, llm.
# BASE_IMAGE: any Debian-like image with python3 of 3.11 or newer and its venv module. The build stage and the last one
# share it, because a compiled package fits the Python that it was installed for.
ARG BASE_IMAGE=python:3.12-slim-bookworm
ARG MEMBER=transformers

# The installer. It depends on locks/uv.txt alone, so all images share it. What the machine's own network needs (index,
# proxy, certificates) comes in as secrets, which stay in no layer.
FROM ${BASE_IMAGE} AS installer
COPY locks/uv.txt /build/locks/
RUN --mount=type=secret,id=network --mount=type=secret,id=certificates \
    set -ea; [ ! -e /run/secrets/network ] || . /run/secrets/network; \
    python3 -m venv /build/installer; \
    /build/installer/bin/pip install --quiet --no-cache-dir --no-deps --require-hashes -r /build/locks/uv.txt

# Other people's code. It depends on one lock alone: a change of ours leaves this layer as it is.
FROM installer AS packages
ARG MEMBER
COPY locks/${MEMBER}.txt /build/locks/
RUN --mount=type=secret,id=network --mount=type=secret,id=certificates --mount=type=cache,target=/root/.cache/uv \
    set -ea; [ ! -e /run/secrets/network ] || . /run/secrets/network; \
    UV_LINK_MODE=copy PYC_INVALIDATION_MODE=UNCHECKED_HASH; \
    python3 -m venv --without-pip /opt/venv; \
    /build/installer/bin/uv pip install --quiet --no-config --no-progress --python /opt/venv/bin/python \
        --no-deps --require-hashes --no-build --compile-bytecode -r /build/locks/${MEMBER}.txt

# Our own code: the closure of the member's packages, and nothing else of ours. Its times are set to one moment, so that
# the same code is the same layer, wherever and whenever it was checked out.
FROM ${BASE_IMAGE} AS code
ARG MEMBER
COPY . /build
RUN python3 /build/scripts/closure.py ${MEMBER} --into /app \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /app \
    && find /app -exec touch --no-dereference --date=@0 {} +

# What runs: no pip, no compiler, nobody's password. `--read-only` is fine; only /tmp is ever written to, if it is there.
FROM ${BASE_IMAGE} AS runtime
RUN rm -rf /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* \
        /usr/lib/python3*/ensurepip /usr/share/python-wheels /usr/lib/python3/dist-packages/pip* \
    && echo 'oo:x:65532:65532::/tmp:/usr/sbin/nologin' >> /etc/passwd && echo 'oo:x:65532:' >> /etc/group
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/app HOME=/tmp LANG=C.UTF-8 \
    PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
COPY --from=packages /opt/venv /opt/venv
COPY --from=code /app /app
WORKDIR /app
USER 65532:65532

# How each one starts.
FROM runtime AS transformers
ENTRYPOINT ["python", "-P", "-m", "oo_transformers"]
FROM runtime AS predictors
ENTRYPOINT ["python", "-P", "-m", "oo_predictors"]
FROM runtime AS consumers
ENTRYPOINT ["python", "-P", "-m", "oo_consumers"]
FROM runtime AS pipelines
ENTRYPOINT ["python", "-P", "-m", "oo_pipelines"]
FROM runtime AS litellm
# Without it LiteLLM looks for prices on the network when it starts, and waits.
ENV LITELLM_LOCAL_MODEL_COST_MAP=True
ENTRYPOINT ["litellm"]
FROM runtime AS mlflow
ENTRYPOINT ["mlflow"]
FROM runtime AS llm
# llama.cpp wants OpenMP's library, which slim images lack and its wheel does not bring.
USER root
RUN --mount=type=secret,id=network \
    set -ea; [ ! -e /run/secrets/network ] || . /run/secrets/network; \
    ls /usr/lib/*/libgomp.so.1 >/dev/null 2>&1 \
    || { apt-get update -qq && apt-get install -qq --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*; }
USER 65532:65532
ENTRYPOINT ["python", "-P", "-m", "oo_local.llm"]

FROM ${MEMBER}
ARG MEMBER
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="oo-ml/${MEMBER}" \
      org.opencontainers.image.description="oO/ml: ${MEMBER}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
