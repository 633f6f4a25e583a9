# bulk_pipeline with the UI, the daemon and both drivers of SQL Server; see compose.yaml.
#
#   docker build -t bulk_pipeline .

ARG PYTHON_VERSION=3.11
# requirements-scale.lock for what deploy/ runs on several machines.
ARG LOCK=requirements.lock

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
ARG LOCK
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/bulk_pipeline
WORKDIR /source
COPY requirements.lock requirements-scale.lock ./
RUN test "${LOCK}" = requirements.lock || mv "${LOCK}" requirements.lock
RUN /opt/bulk_pipeline/bin/python -m pip install --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bulk_pipeline ./bulk_pipeline
RUN /opt/bulk_pipeline/bin/python -m pip install --no-deps --no-build-isolation .

FROM python:${PYTHON_VERSION}-slim-bookworm
# What Microsoft's driver is linked against, and unixODBC for mssql+pyodbc URLs.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libltdl7 libkrb5-3 libgssapi-krb5-2 libodbc2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/bulk_pipeline /opt/bulk_pipeline

# The owner of files that the inbox of the host shares with the container.
ARG UID=1000
RUN useradd --uid ${UID} --create-home bulk_pipeline \
    && install --directory --owner bulk_pipeline /data /data/inbox /data/dagster /exchange
USER bulk_pipeline
WORKDIR /data
ENV PATH=/opt/bulk_pipeline/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    BULK_PIPELINE_HOME=/data \
    DAGSTER_HOME=/data/dagster
VOLUME /data
EXPOSE 3000
# Dagster's UI has no log-in: publish the port to those who may see and do everything.
CMD ["bulk-pipeline", "up", "--host", "0.0.0.0", "--port", "3000"]
