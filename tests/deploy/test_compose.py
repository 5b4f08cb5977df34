"""deploy/compose.yml and the Dockerfile, as far as they can be judged without Docker."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from deploy.grafana.dashboard import FILE

from server_process import started

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (DEPLOY / "docker" / "Dockerfile").read_text().replace("\\\n", " ")
KEY = "sk-sampan-of-the-test"
TIMEOUT = 60.0


def mounts(service: str) -> dict[str, str]:
    """Where in the container what lies, of this folder or of a volume."""
    entries = (re.fullmatch(r"(.+?):(/[^:]*)(?::ro)?", entry) for entry in SERVICES[service]["volumes"])
    return {match[2]: re.sub(r"\$\{\w+:-(.*)\}", r"\1", match[1]) for match in entries if match is not None}


def provisioned(kind: str, name: str) -> Any:
    return yaml.safe_load((DEPLOY / "grafana" / "provisioning" / kind / name).read_text())


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service.get("read_only") or service.get("secrets")  # Compose cannot have both
    assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name: str) -> None:
    for target, source in mounts(name).items():
        if source.startswith("."):
            assert (DEPLOY / source).exists(), target
        else:
            assert source in COMPOSE["volumes"]


def test_prometheus_scrapes_the_server_with_its_key() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    (secret,) = SERVICES["prometheus"]["secrets"]
    assert job["authorization"]["credentials_file"] == f"/run/secrets/{secret}"
    assert COMPOSE["secrets"][secret]["environment"] in SERVICES["server"]["environment"]
    assert job["static_configs"] == [{"targets": ["server:8000"]}]
    assert {f"/etc/prometheus/{name}" for name in ("prometheus.yml", *config["rule_files"])} <= mounts(
        "prometheus"
    ).keys()
    assert "--config.file=/etc/prometheus/prometheus.yml" in SERVICES["prometheus"]["command"]


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    (source,) = provisioned("datasources", "prometheus.yml")["datasources"]
    (provider,) = provisioned("dashboards", "sampan.yml")["providers"]
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]
    places = mounts("grafana")
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DEPLOY / places[home]).resolve() == FILE
    assert home.startswith(provider["options"]["path"])
    assert (DEPLOY / places["/etc/grafana/provisioning"]).is_dir()


def test_the_server_starts_as_compose_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its options and its health check, on another port and this machine alone."""
    service = SERVICES["server"]
    command = service["command"].replace("${SAMPAN_MODEL:-}", "").replace("0.0.0.0", "127.0.0.1")
    assert list(service["environment"]) == ["SAMPAN_API_KEY"]
    monkeypatch.setenv("SAMPAN_API_KEY", KEY)
    with started(["-m", "sampan", *shlex.split(command), "--port", "0"]) as server:
        port = server.url.rpartition(":")[2]
        kind, _, *arguments = service["healthcheck"]["test"]
        subprocess.run(
            [sys.executable, *(part.replace("8000", port) for part in arguments)], check=True, timeout=TIMEOUT
        )
        assert kind == "CMD"

        def scrape(host: str, **headers: str) -> int:
            return httpx.get(f"{server.url}/metrics", headers={"host": host, **headers}, timeout=TIMEOUT).status_code

        assert scrape("server:8000", authorization=f"Bearer {KEY}") == 200
        assert scrape("server:8000") == 401
        assert scrape("elsewhere.example:8000", authorization=f"Bearer {KEY}") == 403
        assert server.stop()[0] == 0


def test_the_image_is_built_from_what_there_is_and_runs_without_root() -> None:
    instructions = [line.split() for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
    copied = [path for word, *paths in instructions if word == "COPY" for path in paths[:-1]]
    let_in = re.findall(r"^!(.*)$", (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert sorted(copied) == sorted(let_in)
    assert all((ROOT / path).exists() for path in copied)
    (user,) = (words[1] for words in instructions if words[0] == "USER")
    assert int(user) > 0
    assert f"--uid {user}" in DOCKERFILE
    (home,) = re.findall(r"SAMPAN_HOME=(\S+)", "\n".join(" ".join(words) for words in instructions))
    assert mounts("server")[home] == "home"
    assert SERVICES["server"]["build"] == {"context": "..", "dockerfile": "deploy/docker/Dockerfile"}
