FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends gnupg && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/todoke
COPY requirements.txt .
RUN pip install --no-cache-dir --upgrade pip && pip install --no-cache-dir -r requirements.txt
COPY contracts contracts
COPY expectations expectations
COPY include include
COPY src src
COPY plugins plugins
COPY dags dags
RUN useradd --create-home todoke && mkdir -p airflow/logs /var/lib/todoke && chown -R todoke airflow /var/lib/todoke
USER todoke
ENV AIRFLOW_HOME=/opt/todoke/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/todoke/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/todoke/plugins \
    PYTHONPATH=/opt/todoke/src
