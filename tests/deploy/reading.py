"""What the files in deploy/ say: the commands, their variables and secrets, and how long a stop may take."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = DEPLOY / "Dockerfile"
ROLES = DEPLOY / "database.sql"
COMPOSE = DEPLOY / "compose.yaml"
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@dataclass(frozen=True, kw_only=True)
class Command:
    """One `wave` command of a deployment, without `wave` itself; `as_deployer` if it gets the deployer's address."""

    words: list[str]
    variables: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    as_deployer: bool = False
    grace_s: float = 0.0

    @property
    def does(self) -> str:
        return self.words[0]


def compose() -> dict[str, Any]:
    """Return the file with its variables filled in, as it stands where the reader has set none but WAVE_PROJECT."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", COMPOSE.read_text(encoding="utf-8"))
    text = re.sub(r"\$\{WAVE_PROJECT:\?[^}]*\}", "/srv/wave/postings", text)
    assert "${" not in text
    found: dict[str, Any] = yaml.safe_load(text)
    return {name: value for name, value in found.items() if not name.startswith("x-")}


def resources() -> list[dict[str, Any]]:
    """Return everything that deploy/kubernetes/ makes."""
    everything = [one for path in KUBERNETES for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    return [one for one in everything if one["kind"] != "Kustomization"]


def pods() -> dict[str, dict[str, Any]]:
    """Return the pods by what makes them."""
    return {
        one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in resources() if "template" in one["spec"]
    }


def unit(path: Path) -> dict[str, list[str]]:
    """Return what a unit says, each word with all its values: systemd adds them up."""
    found: dict[str, list[str]] = {}
    for word, value in re.findall(r"^(\w+)=(.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        found.setdefault(word, []).append(value)
    return found


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of the image, stage by stage."""
    lines = "".join(
        line for line in DOCKERFILE.read_text("utf-8").splitlines(keepends=True) if not line.startswith("#")
    )
    found: list[list[tuple[str, str]]] = []
    for word, rest in re.findall(r"^(\w+) +(.*)$", lines.replace("\\\n", ""), flags=re.MULTILINE):
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, " ".join(rest.split())))
    return found


def last_stage(word: str) -> str:
    [said] = [rest for name, rest in stages()[-1] if name == word]
    return said


def health_check() -> list[str]:
    """Return what a container engine runs to see whether `wave serve` is well."""
    command: list[str] = json.loads(last_stage("HEALTHCHECK").partition("CMD ")[2])
    return command


def commands() -> dict[str, dict[str, Command]]:
    """Return the commands of each deployment, by their names there."""
    return {"compose": dict(_of_compose()), "kubernetes": dict(_of_kubernetes()), "systemd": dict(_of_systemd())}


def _of_compose() -> Iterator[tuple[str, Command]]:
    for name, service in compose()["services"].items():
        if "wave-runner" in service["image"]:
            grace_s = float(service.get("stop_grace_period", "10s").removesuffix("s"))
            given = [one if isinstance(one, dict) else {"source": one, "target": one} for one in service["secrets"]]
            yield (
                name,
                Command(
                    words=service["command"],
                    variables=service["environment"],
                    secrets={one["target"] for one in given},
                    as_deployer="DEPLOYER_URL" in {one["source"] for one in given},
                    grace_s=grace_s,
                ),
            )


def _of_kubernetes() -> Iterator[tuple[str, Command]]:
    for name, pod in pods().items():
        [container] = pod["containers"]
        yield (
            name,
            Command(
                words=container["args"],
                variables={one["name"]: one.get("value", "10.0.0.7") for one in container["env"]},
                secrets=set(_mounted(pod)),
                as_deployer=_secret(pod)["secretName"] == "wave-deployer",
                grace_s=pod.get("terminationGracePeriodSeconds", 30),
            ),
        )


def _mounted(pod: dict[str, Any]) -> list[str]:
    secret = _secret(pod)
    return [one["path"] for one in secret.get("items", [{"path": name} for name in SECRETS[secret["secretName"]]])]


def _secret(pod: dict[str, Any]) -> dict[str, Any]:
    [secret] = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    return dict(secret)


SECRETS = {
    "wave": ("WAVE_DATABASE_URL", "WAVE_DATABASE_QUERY_URL", "WAVE_API_TOKEN"),
    "wave-deployer": ("WAVE_DATABASE_URL",),
}
"""What the page says that each Secret holds."""


def _of_systemd() -> Iterator[tuple[str, Command]]:
    for path in UNITS:
        said = unit(path)
        [program, *words] = shlex.split(said["ExecStart"][0])
        assert program == "/opt/wave/bin/wave"
        pairs = [pair for line in said["Environment"] for pair in shlex.split(line)]
        yield (
            path.stem,
            Command(
                words=words,
                variables=dict(pair.split("=", 1) for pair in pairs),
                secrets={one.partition(":")[0] for one in said["LoadCredential"]},
                as_deployer=any(one.endswith("/DEPLOYER_URL") for one in said["LoadCredential"]),
                grace_s=float(said["TimeoutStopSec"][0]),
            ),
        )
