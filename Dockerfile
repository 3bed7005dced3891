# One image; the command chooses the service. Build tools and pip's cache stay in the first stage.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements requirements
# With the clients of Kafka and PostgreSQL: the same image runs a quickstart and every service of a cluster.
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
    && python -m venv /opt/interlock && /opt/interlock/bin/pip install --no-cache-dir --require-hashes -r requirements/cluster.txt
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY libs libs
COPY services services
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/interlock/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /data interlock
COPY --from=build /opt/interlock /opt/interlock
ENV PATH=/opt/interlock/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER interlock
WORKDIR /data
VOLUME /data
EXPOSE 8080 8081
ENTRYPOINT ["interlock"]
CMD ["quickstart", "--data-dir", "/data"]
