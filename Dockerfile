# One image for the service, its worker, its migrations and its administration: commands of `renkei` (docker-compose.yml).
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# Without a login and with a fixed number, so that the owner of the key volume is the same in every image.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin renkei \
 && install -d -o renkei -g renkei -m 0700 /data

WORKDIR /app
COPY pyproject.toml constraints.txt README.md alembic.ini ./
COPY src ./src
COPY migrations ./migrations
# Editable: the migrations lie beside src, as in a clone, and are found the same way. The user cannot write here.
# Compiled here, because at run time nothing is written: a server process that starts slowly is taken for dead.
RUN pip install --quiet --constraint constraints.txt --editable '.[s3]' && python -m compileall -q src

USER renkei
ENV RENKEI_DATA_DIR=/data RENKEI_HOST=0.0.0.0 RENKEI_PORT=8000
VOLUME /data
EXPOSE 8000
CMD ["renkei", "serve"]
