# Serves registered generators. Mount a project folder with its MLflow store at /project:
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 -v "$PWD":/project:ro \
#     -v "$PWD"/secrets/api_keys:/run/secrets/api_keys:ro \
#     -e MRIGEN_API_KEYS=/run/secrets/api_keys mrigen
# compose.yaml starts it beside an MLflow server on PostgreSQL.
FROM python:3.11-slim-bookworm AS build
# The CPU build of torch; leave it empty for the build with CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python -m venv /opt/mrigen
ENV PATH=/opt/mrigen/bin:$PATH
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
# What mrigen needs in the versions of the lock, without its tools for development, and before its
# code is there: a change of the code alone installs none of it again.
RUN mkdir -p src/mrigen && touch src/mrigen/__init__.py \
 && pip install --no-cache-dir --constraint requirements.lock hatchling editables \
 && pip install --no-cache-dir --constraint requirements.lock --no-build-isolation \
      ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} '.[postgresql]'
COPY src src
RUN pip install --no-cache-dir --no-deps --no-build-isolation --force-reinstall .

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="mrigen" \
      org.opencontainers.image.description="Serves generators of brain MRI slices" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/mrigen /opt/mrigen
# Everything that is written at run time goes to /tmp, so the rest may be read-only.
ENV PATH=/opt/mrigen/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    HOME=/tmp \
    MRIGEN_PROJECT=/project \
    MRIGEN_PORT=8000
# /artifacts is for an MLflow server: a new volume takes its owner from here.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mrigen \
 && install --directory --owner=mrigen /project /artifacts
USER 10001
WORKDIR /project
EXPOSE 8000
# Needs no key.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"MRIGEN_PORT\"]}/ready', timeout=4)"]
ENTRYPOINT ["mrigen"]
CMD ["serve", "--host", "0.0.0.0"]
