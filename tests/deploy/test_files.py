"""The files in deploy/ are what their formats want, and agree with the product and with each other."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.reading import (
    COMPOSE,
    DEPLOY,
    DOCKERFILE,
    KUBERNETES,
    ROOT,
    UNITS,
    Command,
    commands,
    compose,
    last_stage,
    pods,
    resources,
    stages,
    unit,
)

from wave_runner.api.serving import LAST_WORDS_S
from wave_runner.core.interaction import State
from wave_runner.settings import NAMES, Settings

MOST_EXPOSED = 20
"""Of 100, as `systemd-analyze security` counts: 14 is what the units come to."""

COMMANDS = [(kind, name) for kind, found in commands().items() for name in found]


def named(kind: str, name: str) -> Command:
    return commands()[kind][name]


# --- the image ---------------------------------------------------------------------------------------------------


def hadolint(text: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint is not installed")
    return subprocess.run([program, "-"], input=text, capture_output=True, text=True)


def test_the_linter_of_images_has_nothing_to_say():
    linted = hadolint(DOCKERFILE.read_text(encoding="utf-8"))
    assert (linted.returncode, linted.stdout) == (0, "")


def test_it_would_say_that_an_image_runs_as_root():
    assert "DL3002" in hadolint(DOCKERFILE.read_text(encoding="utf-8").replace("USER 65532:65532", "USER root")).stdout


def test_what_the_image_is_made_from_reaches_the_engine_and_nothing_else_does():
    let_through = {line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] in "*!"}
    copied = {rest.rsplit(" ", 1)[0] for word, rest in stages()[0] if word == "COPY"}
    assert let_through == {"*", *(f"!{path}" for path in copied)}


def test_the_last_stage_runs_wave_as_nobody_special_and_can_install_nothing():
    assert last_stage("USER") == "65532:65532"
    assert json.loads(last_stage("ENTRYPOINT")) == ["wave"]
    assert [rest for word, rest in stages()[-1] if word == "COPY"] == ["--from=build /opt/wave /opt/wave"]
    assert not any(word in last_stage("RUN") for word in ("apt-get", "pip install"))
    installs = [rest for word, rest in stages()[0] if word == "RUN"]
    assert all("--require-hashes" in one or "--no-index --no-deps" in one for one in installs)


# --- compose -----------------------------------------------------------------------------------------------------


def test_the_compose_file_is_one():
    read = pytest.importorskip("compose_spec").PyCompose.from_json
    read(json.dumps(compose())).validate()
    wrong = compose()
    wrong["services"]["runner"]["secrets"].append("NOT_THERE")
    with pytest.raises(ValueError, match="NOT_THERE"):
        read(json.dumps(wrong)).validate()
    wrong = compose()
    wrong["services"]["runner"]["stop_grace"] = "45s"
    with pytest.raises(ValueError, match="stop_grace"):
        read(json.dumps(wrong))


def test_no_secret_of_compose_stands_in_a_variable_and_each_service_is_confined():
    services = {name: one for name, one in compose()["services"].items() if name != "database"}
    for one in services.values():
        assert (one["read_only"], one["cap_drop"], one["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
        assert "user" not in one, "the image says who"
        assert one["pids_limit"] == 512
    assert [port for one in services.values() for port in one.get("ports", [])] == ["127.0.0.1:8787:8787"]
    assert "PASSWORD:" not in COMPOSE.read_text("utf-8").replace("POSTGRES_PASSWORD: {file:", "")


# --- Kubernetes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", resources(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_each_resource_keeps_to_its_schema(one: dict[str, Any]):
    validate = pytest.importorskip("kubernetes_validate")
    validate.validate(one, "1.37", strict=True)
    with pytest.raises(validate.ValidationError):
        validate.validate({**one, "spec": {**one["spec"], "replica": 1}}, "1.37", strict=True)


def test_the_kustomization_has_every_file_and_the_image_that_they_name():
    found = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text(encoding="utf-8"))
    assert set(found["resources"]) == {path.name for path in KUBERNETES} - {"kustomization.yaml"}
    images = {container["image"] for pod in pods().values() for container in pod["containers"]}
    assert images == {one["name"] for one in found["images"]}


@pytest.mark.parametrize("name", pods())
def test_each_pod_is_confined(name: str):
    pod = pods()[name]
    assert {pod["automountServiceAccountToken"], pod["enableServiceLinks"]} == {False}
    said = pod["securityContext"]
    assert said["runAsNonRoot"]
    assert f"{said['runAsUser']}:{said['runAsGroup']}" == last_stage("USER")
    assert said["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}


def test_whoever_selects_pods_selects_some():
    carried = [one["spec"]["template"]["metadata"]["labels"] for one in resources() if "template" in one["spec"]]
    for one in resources():
        said = one["spec"].get("selector") or one["spec"].get("podSelector")
        if said is None:
            continue
        wanted = said if one["kind"] == "Service" else said.get("matchLabels", {})
        among = said.get("matchExpressions", []) if one["kind"] != "Service" else []
        hit = [
            labels
            for labels in carried
            if wanted.items() <= labels.items() and all(labels[part["key"]] in part["values"] for part in among)
        ]
        assert hit, f"{one['kind']} {one['metadata']['name']} selects nothing"


def test_runners_are_scaled_by_a_number_that_we_export():
    [scaler] = [one["spec"] for one in resources() if one["kind"] == "HorizontalPodAutoscaler"]
    assert scaler["scaleTargetRef"]["name"] in pods()
    [measure] = [one["external"]["metric"] for one in scaler["metrics"]]
    text = (ROOT / "src/wave_runner/reports/metrics.py").read_text(encoding="utf-8")
    assert f'name="{measure["name"].removeprefix("wave_runner_")}"' in text
    assert State(measure["selector"]["matchLabels"]["state"]) is State.PENDING


def test_one_pod_has_the_key_and_no_other_can_make_one():
    kept = {name for name, pod in pods().items() if any("persistentVolumeClaim" in one for one in pod["volumes"])}
    assert kept == {"wave-signer"}
    assert pods()["wave-signer"]["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    assert named("kubernetes", "wave-runner").variables["WAVE_LOG_KEY"].startswith("/nowhere/")
    [signer] = [one["spec"] for one in resources() if one["metadata"]["name"] == "wave-signer"]
    assert (signer["replicas"], signer["strategy"]["type"]) == (1, "Recreate")


# --- systemd -----------------------------------------------------------------------------------------------------


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run([program, *words], capture_output=True, text=True)


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units, with a `wave` that is there: who verifies looks whether it is."""
    made = [tmp_path / path.name for path in UNITS]
    for path, copied in zip(UNITS, made, strict=True):
        text = path.read_text(encoding="utf-8")
        copied.write_text(text.replace("/opt/wave/bin/wave", sys.executable), encoding="utf-8")
    return made


def test_systemd_understands_every_line_of_the_units(units: list[Path]):
    verified = analyze("verify", "--man=no", *units)
    assert (verified.returncode, verified.stderr) == (0, "")
    units[0].write_text(units[0].read_text("utf-8").replace("ProtectHome=yes", "ProtectHouse=yes"), encoding="utf-8")
    assert "ProtectHouse" in analyze("verify", "--man=no", *units).stderr


def test_the_units_leave_little_open(units: list[Path]):
    for path in units:
        said = analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", path)
        assert said.returncode == 0, said.stdout.splitlines()[-1]
        path.write_text(path.read_text("utf-8").replace("SystemCallFilter=", "#"), encoding="utf-8")
        assert analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", path).returncode != 0


# --- all of them -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), COMMANDS)
def test_each_secret_and_variable_is_one_that_wave_knows(kind: str, name: str):
    found = named(kind, name)
    settings = {f"WAVE_{setting.upper()}" for setting in NAMES}
    assert found.secrets <= settings
    assert found.secrets >= (
        {"WAVE_DATABASE_URL"} if found.as_deployer else {"WAVE_DATABASE_URL", "WAVE_DATABASE_QUERY_URL"}
    )
    assert found.as_deployer == (found.does == "db"), "whoever works owns nothing"
    assert ("WAVE_API_TOKEN" in found.secrets) == (found.does == "serve"), "who does not need it has none"
    others = {"WAVE_SECRETS", "WAVE_LOG_FORMAT", "POD_IP", "WAVE_PORT", "WAVE_HOST_NAME"}
    assert found.variables.keys() <= settings | others
    assert found.variables["WAVE_SECRETS"]


@pytest.mark.parametrize(("kind", "name"), COMMANDS)
def test_a_stop_may_take_longer_than_it_needs(kind: str, name: str):
    found = named(kind, name)
    grace_s = Settings.model_fields["grace_s"].default
    needed = {"runner": grace_s + 30, "serve": LAST_WORDS_S + 5}
    assert found.grace_s >= needed.get(found.does, 0)


def test_a_runner_that_was_stopped_on_purpose_stays_stopped():
    assert compose()["services"]["runner"]["restart"] == "on-failure"
    assert {tuple(unit(path)["Restart"]) for path in UNITS if "migrate" not in path.name} == {("on-failure",)}
