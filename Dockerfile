# Octoargo itself: `docker run -p 8000:8000 -p 8443:8443 -v octoargo:/data IMAGE`. The gateway has an image of its own.
FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends git openssh-client && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home octoargo && mkdir /data && chown octoargo /data
WORKDIR /app
COPY requirements/runtime.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY . .
RUN OCTOARGO_DATA_DIR=/tmp/build OCTOARGO_STATIC_ROOT=/app/staticfiles python manage.py collectstatic --noinput && rm -rf /tmp/build
ENV OCTOARGO_DATA_DIR=/data OCTOARGO_STATIC_ROOT=/app/staticfiles PYTHONUNBUFFERED=1
USER octoargo
VOLUME /data
EXPOSE 8000 8443
ENTRYPOINT ["python", "manage.py"]
CMD ["serve", "--host", "0.0.0.0"]
