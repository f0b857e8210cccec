# Serves registered generators. Mount a project folder with its MLflow store at /project:
#   docker run --rm -p 127.0.0.1:8000:8000 -v "$PWD":/project mrigen
FROM python:3.11-slim-bookworm AS build
# The CPU build of torch; leave it empty for the build with CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python -m venv /opt/mrigen
ENV PATH=/opt/mrigen/bin:$PATH
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r requirements.lock
COPY src src
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="mrigen" \
      org.opencontainers.image.description="Serves generators of brain MRI slices" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/mrigen /opt/mrigen
ENV PATH=/opt/mrigen/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    HOME=/tmp \
    MRIGEN_PROJECT=/project
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mrigen \
 && mkdir /project && chown mrigen /project
USER 10001
WORKDIR /project
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
ENTRYPOINT ["mrigen"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
