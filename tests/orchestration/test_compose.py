"""docker-compose.yaml is complete, checks the health of what it starts, and holds no secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yaml").read_text("utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
SECRET = re.compile(r"PASSWORD|SECRET|PASSPHRASE|FERNET|_KEY$|_WEB$|AUTH$", re.IGNORECASE)


def test_the_services_are_these():
    assert set(SERVICES) == {
        "postgres",
        "redis",
        "init",
        "api-server",
        "scheduler",
        "dag-processor",
        "triggerer",
        "worker-default",
        "worker-heavy",
        "mail",
    }


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"init"}))
def test_every_lasting_service_has_a_health_check(name):
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries"} <= set(check)


def test_every_secret_comes_from_the_environment_and_has_no_default():
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if variable.endswith("_OLD"):
                assert value is None, "passed on as it is, or not at all"
            elif SECRET.search(variable):
                assert re.fullmatch(r"\$\{\w+:\?\}|\d", value), (name, variable)
            for given in re.findall(r"://\w*:([^@/\s]+)@", str(value)):
                assert re.fullmatch(r"\$\{\w+:\?\}", given), (name, variable)
    assert re.findall(r"\$\{\w*(?:PASSWORD|SECRET|KEY|PASSPHRASE)\w*:-", TEXT) == []


def test_workers_serve_the_queues_that_dags_use():
    queues = [SERVICES[name]["command"][4] for name in ("worker-default", "worker-heavy")]
    assert queues == ["default", "heavy"]
    used = set(re.findall(r'queue="(\w+)"', "".join(file.read_text("utf-8") for file in (ROOT / "dags").glob("*.py"))))
    assert used <= set(queues)


def test_tasks_start_after_the_api_server_that_they_talk_to():
    for name in ("scheduler", "dag-processor", "triggerer", "worker-default", "worker-heavy"):
        assert SERVICES[name]["depends_on"]["api-server"] == {"condition": "service_healthy"}
    assert SERVICES["api-server"]["depends_on"] == {"init": {"condition": "service_completed_successfully"}}


def test_nothing_is_open_to_the_network():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_volume_and_config_is_declared():
    used = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])
    assert {config["source"] for service in SERVICES.values() for config in service.get("configs", [])} == set(
        COMPOSE["configs"]
    )


def test_the_image_takes_what_its_build_lets_in():
    copied = re.findall(r"^COPY (\S+) ", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    let_in = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert sorted(copied) == sorted(let_in)
    assert all((ROOT / name).exists() for name in copied)
