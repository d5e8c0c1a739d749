"""The pipelines a tenant repository starts with: each platform's own checks, and our promises."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

DOCS = Path(__file__).parents[3] / "docs"
PIPELINES = Path(str(files("ostiary"))) / "templates" / "pipelines"
GITHUB = PIPELINES / "github" / ".github" / "workflows" / "ostiary.yml"
DEPENDABOT = PIPELINES / "github" / ".github" / "dependabot.yml"
GITLAB = PIPELINES / "gitlab" / ".gitlab-ci.yml"
AZURE = PIPELINES / "azure-devops" / "azure-pipelines.yml"

TOOLS = Path(sys.executable).parent
ORDER = ["contoso-dev", "contoso-staging", "contoso-prod"]
STACK = '--stack "$ENVIRONMENT"'
INSTALLATION = ["python -m venv .venv", "pip install -r requirements.txt"]
DEPLOYMENT = [*INSTALLATION, "ostiary engine --print-path"]
COMMANDS = {
    "check": [
        *INSTALLATION,
        "ostiary check",
        "pytest tests/policies",
        "ostiary affected --base BASE",
    ],
    "preview": [
        *DEPLOYMENT,
        f"pulumi preview {STACK} --parallel 2 --refresh --diff --color never",
    ],
    "up": [
        *DEPLOYMENT,
        'ostiary pulumi "$ENVIRONMENT" up --yes --skip-preview --parallel 2 --refresh --color never',
    ],
}

Yaml = dict[Any, Any]


def load(path: Path) -> Yaml:
    loaded: Yaml = yaml.safe_load(path.read_text())
    return loaded


def lines_of(steps: list[Yaml]) -> list[str]:
    """Give the shell of a list of steps, of GitHub's or of Azure DevOps'."""
    return [
        step.get("run") or step.get("bash") or (step.get("inputs") or {}).get("inlineScript") or ""
        for step in steps
    ]


def github_scripts() -> dict[str, list[str]]:
    jobs = load(GITHUB)["jobs"]
    scripts = {name: lines_of(job["steps"]) for name, job in jobs.items()}
    ups = [scripts.pop(name) for name in ORDER]
    assert ups[0] == ups[1] == ups[2]
    return {**scripts, "up": ups[0]}


def gitlab_scripts() -> dict[str, list[str]]:
    document = load(GITLAB)

    def of(job: Yaml) -> list[str]:
        parent = document[job["extends"]] if "extends" in job else {}
        before = job.get("before_script") or parent.get("before_script")
        return [*(before or document["default"]["before_script"]), *job["script"]]

    return {name: of(document[key]) for name, key in zip(COMMANDS, GITLAB_JOBS, strict=True)}


GITLAB_JOBS = ["check", "preview", ".up"]


def azure_stages() -> tuple[Yaml, Yaml, Yaml]:
    """Give the jobs that check and preview, and the stage that deploys: one text for all."""
    check, preview, ups = load(AZURE)["stages"]
    [previews] = preview["jobs"]
    [(each, [stage])] = ups.items()
    assert each == "${{ each environment in parameters.environments }}"
    return check["jobs"][0], next(iter(previews.values()))[0], stage


def azure_scripts() -> dict[str, list[str]]:
    check, preview, stage = azure_stages()
    deploy = stage["jobs"][0]["strategy"]["runOnce"]["deploy"]
    steps = [job["steps"] for job in (check, preview, deploy)]
    return {name: lines_of(each) for name, each in zip(COMMANDS, steps, strict=True)}


SCRIPTS: dict[str, Callable[[], dict[str, list[str]]]] = {
    "github": github_scripts,
    "gitlab": gitlab_scripts,
    "azure-devops": azure_scripts,
}


def commands_in(script: list[str]) -> list[str]:
    """Give what a job runs of Python, ostiary and Pulumi, one line each."""
    text = re.sub(r"\s*\\\n\s*", " ", "\n".join(script))
    found = re.findall(r"\b(?:python|pip|pytest|ostiary|pulumi) [^)|#\n]*", text)
    return [re.sub(r"--base .*|\s2?>.*", replaced, line).strip() for line in found]


def replaced(match: re.Match[str]) -> str:
    return "--base BASE" if match[0].startswith("--base") else ""


@pytest.mark.parametrize("platform", SCRIPTS)
def test_every_platform_runs_the_same_commands(platform: str) -> None:
    scripts = SCRIPTS[platform]()
    assert {name: commands_in(scripts[name]) for name in COMMANDS} == COMMANDS


@pytest.mark.parametrize("path", [GITHUB, GITLAB, AZURE], ids=lambda path: path.name)
def test_nothing_reaches_the_tenant_at_full_speed(path: Path) -> None:
    text = re.sub(r"\s*\\\n\s*", " ", path.read_text())
    runs = re.findall(r'(?m)^.*\bpulumi (?:"\$ENVIRONMENT" )?(?:preview|up) .*$', text)
    assert len(runs) == 2
    assert all(" --parallel 2 " in line for line in runs)


def run(*command: str | Path, cwd: Path) -> str:
    """Run a checker; give what it found, which is nothing where it is content."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def check_schema(path: Path) -> str:
    """Check against the schema that check-jsonschema brings along."""
    schema, *options = {
        "ostiary.yml": ["github-workflows"],
        "dependabot.yml": ["dependabot"],
        ".gitlab-ci.yml": ["gitlab-ci", "--data-transform=gitlab-ci"],
        # its patterns are not Unicode regular expressions
        "azure-pipelines.yml": [
            "azure-pipelines",
            "--data-transform=azure-pipelines",
            "--regex-variant=nonunicode",
        ],
    }[path.name]
    tool = TOOLS / "check-jsonschema"
    return run(tool, f"--builtin-schema=vendor.{schema}", *options, path, cwd=path.parent)


def check_zizmor(path: Path) -> str:
    return run(TOOLS / "zizmor", "--offline", "--no-progress", path, cwd=path.parent)


def copy_to(directory: Path, path: Path, edit: Callable[[str], str]) -> Path:
    """Copy a pipeline, edited; the schema of Azure Pipelines knows no expression in a name."""
    copy = directory / path.relative_to(PIPELINES)
    copy.parent.mkdir(parents=True)
    text = re.sub(r"\$\{\{ replace\(environment, '-', '_'\) \}\}", "contoso_dev", path.read_text())
    copy.write_text(edit(text))
    return copy


@pytest.mark.parametrize("path", [GITHUB, DEPENDABOT, GITLAB, AZURE], ids=lambda path: path.name)
def test_the_schema_is_content(path: Path, tmp_path: Path) -> None:
    assert check_schema(copy_to(tmp_path, path, str)) == ""


@pytest.mark.parametrize(
    ("path", "old", "new", "finding"),
    [
        (GITHUB, "timeout-minutes: 60", "timeout-minuts: 60", "contoso-dev"),
        (GITHUB, "cancel-in-progress: false", "cancel-in-progress: 2 * 3", "contoso-dev"),
        (DEPENDABOT, "interval: weekly", "interval: sometimes", "sometimes"),
        (GITLAB, "action: access", "action: enter", "enter"),
        (AZURE, "environment: ${{ environment }}", "enviroment: x", "enviroment"),
        (AZURE, "lockBehavior: sequential", "lockBehavior: always", "always"),
    ],
)
def test_the_schema_sees_a_mistake(
    path: Path, old: str, new: str, finding: str, tmp_path: Path
) -> None:
    assert old in path.read_text()
    copy = copy_to(tmp_path, path, lambda text: text.replace(old, new, 1))
    assert finding in check_schema(copy)


def expanded(text: str) -> str:
    """Write anchors out: zizmor says that it reads them only in part."""

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return data is not None

    document = yaml.safe_load(text)
    document["on"] = document.pop(True)
    return yaml.dump(document, Dumper=Dumper, sort_keys=False)


@pytest.mark.parametrize("form", [str, expanded])
def test_zizmor_is_content(form: Callable[[str], str], tmp_path: Path) -> None:
    assert check_zizmor(copy_to(tmp_path, GITHUB, form)) == ""


def test_zizmor_is_content_with_dependabot(tmp_path: Path) -> None:
    assert check_zizmor(copy_to(tmp_path, DEPENDABOT, str)) == ""


EXCESS = "excessive-permissions"


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2", "@v6", "unpinned-uses"),
        ("persist-credentials: false", "fetch-tags: false", "artipacked"),
        ("permissions:\n      contents: read\n    out", "permissions: write-all\n    out", EXCESS),
        ("  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
        ('echo "environments=$environments"', "echo ${{ github.head_ref }}", "template-injection"),
        ('echo "::error::main is at', 'echo "${{ github.head_ref }}', "template-injection"),
    ],
)
def test_zizmor_sees_a_mistake(old: str, new: str, finding: str, tmp_path: Path) -> None:
    assert old in GITHUB.read_text()
    copy = copy_to(tmp_path, GITHUB, lambda text: text.replace(old, new))
    assert finding in check_zizmor(copy)


@pytest.mark.parametrize("platform", SCRIPTS)
def test_shellcheck_is_content(platform: str) -> None:
    for script in SCRIPTS[platform]().values():
        assert shellcheck(script) == ""
    assert "SC2086" in shellcheck([*script, "echo $ENVIRONMENT"])


def shellcheck(script: list[str]) -> str:
    text = "\n".join(["#!/usr/bin/env bash", *script])
    done = subprocess.run(
        [TOOLS / "shellcheck", "-"], input=text, capture_output=True, text=True, check=False
    )
    return done.stdout


@pytest.mark.parametrize("page", ["pipelines.md", "state-backends.md"])
def test_the_commands_in_the_documentation_are_shell(page: str) -> None:
    blocks = re.findall(r"(?s)```bash\n(.*?)```", (DOCS / page).read_text())
    assert blocks
    for block in blocks:
        # a block goes on with the variables of the one before, or of the reader's
        assert shellcheck(["# shellcheck disable=SC2154", block]) == ""


def test_the_documentation_names_every_variable_of_the_workflow() -> None:
    used = set(re.findall(r"\b(?:vars|secrets)\.(\w+)", GITHUB.read_text()))
    table = (DOCS / "pipelines.md").read_text().split("| variable,")[1].split("\n\n")[0]
    assert used == set(re.findall(r"`([A-Z]+_[A-Z_]+)`", table))


def test_github_pins_every_action_by_commit() -> None:
    uses = re.findall(r"(?m)^.*\buses: .*$", GITHUB.read_text())
    assert uses
    for line in uses:
        assert re.search(r"uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)


def test_github_gives_each_job_its_permissions_and_its_time() -> None:
    document = load(GITHUB)
    assert document["permissions"] == {}
    assert "pull_request_target" not in document[True]
    granted = {name: job["permissions"] for name, job in document["jobs"].items()}
    deployer = {"contents": "read", "id-token": "write"}
    assert granted == {
        "check": {"contents": "read"},
        "preview": deployer,
        "comment": {"pull-requests": "write"},
        **dict.fromkeys(ORDER, deployer),
    }
    assert all(0 < job["timeout-minutes"] <= 60 for job in document["jobs"].values())


def test_github_promotes_in_order() -> None:
    jobs = load(GITHUB)["jobs"]
    previous = ["check", "preview"]
    for name in ORDER:
        job = jobs[name]
        assert job["environment"] == job["env"]["ENVIRONMENT"] == name
        assert job["concurrency"] == {"group": name, "cancel-in-progress": False}
        assert job["needs"] == previous
        assert job["if"] == "github.event_name != 'pull_request' && github.ref == 'refs/heads/main'"
        previous = name
    assert list(jobs["preview"]["outputs"]) == ORDER


def test_github_never_runs_what_a_pull_request_brings_beside_a_token_that_writes() -> None:
    [step] = load(GITHUB)["jobs"]["comment"]["steps"]
    assert "uses" not in step
    assert commands_in([step["run"]]) == []


def test_no_expression_stands_inside_a_script() -> None:
    for scripts in (github_scripts(), azure_scripts()):
        text = "\n".join(line for script in scripts.values() for line in script)
        assert "${{" not in text
        assert "$(System" not in text


def test_gitlab_promotes_in_order_after_approval() -> None:
    document = load(GITLAB)
    [matrix] = document["preview"]["parallel"]["matrix"]
    assert matrix == {"ENVIRONMENT": ORDER}
    assert document[".up"]["resource_group"] == "$ENVIRONMENT"
    assert document["default"]["interruptible"] is False
    assert all(document[job]["timeout"] for job in GITLAB_JOBS)
    previous: list[str] | None = None
    for name in ORDER:
        job = document[name]
        [rule] = job["rules"]
        assert rule["if"] == "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
        assert job["variables"] == {"ENVIRONMENT": name}
        assert job.get("needs") == previous
        assert (rule.get("when"), rule.get("allow_failure")) == (
            ("manual", False) if previous else (None, None)
        )
        previous = [name]


def test_azure_devops_promotes_in_order() -> None:
    document = load(AZURE)
    assert document["parameters"][0]["default"] == ORDER
    assert document["lockBehavior"] == "sequential"
    check, preview, stage = azure_stages()
    [up] = stage["jobs"]
    assert up["environment"] == "${{ environment }}"
    assert "dependsOn" not in stage  # stages follow one another as they are written
    assert "'refs/heads/main'" in stage["condition"]
    assert all(int(job["timeoutInMinutes"]) <= 60 for job in (check, preview, up))


def bash(script: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    # as GitHub and Azure DevOps call it; what the scripts need they set themselves
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", script],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{cwd}:{os.environ['PATH']}", "LANG": "C.UTF-8", **environment},
    )


def put_command(directory: Path, name: str, script: str) -> None:
    command = directory / name
    command.write_text(f"#!/bin/bash\n{script}\n")
    command.chmod(0o755)


def job_outputs(path: Path) -> dict[str, str]:
    """Read a file of `name<<delimiter` blocks as the runner does."""
    lines = path.read_text().splitlines()
    outputs = {}
    while lines:
        name, end = lines.pop(0).split("<<")
        stop = lines.index(end)
        outputs[name] = "\n".join(lines[:stop])
        del lines[: stop + 1]
    return outputs


class TokenService(BaseHTTPRequestHandler):
    """GitHub's: gives a token to who shows the job's bearer, and says for whom it is."""

    def do_GET(self) -> None:
        allowed = self.headers["Authorization"] == "bearer job"
        self.send_response(200 if allowed else 403)
        self.end_headers()
        self.wfile.write(json.dumps({"value": self.path}).encode())

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.mark.parametrize(("bearer", "expected"), [("job", "/?v=1&audience=sts"), ("other", "")])
def test_github_puts_the_token_that_opens_the_state_where_only_the_job_reads_it(
    bearer: str, expected: str, tmp_path: Path
) -> None:
    [script] = [each for each in github_scripts()["up"] if "REQUEST_TOKEN" in each]
    with ThreadingHTTPServer(("127.0.0.1", 0), TokenService) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        done = bash(
            script,
            tmp_path,
            ACTIONS_ID_TOKEN_REQUEST_TOKEN=bearer,
            ACTIONS_ID_TOKEN_REQUEST_URL=f"http://127.0.0.1:{server.server_port}/?v=1",
            RUNNER_TEMP=str(tmp_path),
            STATE_AUDIENCE="sts",
            no_proxy="127.0.0.1",
        )
        server.shutdown()
    token = tmp_path / "token"
    assert (done.returncode == 0) is bool(expected), done.stderr
    assert token.read_text().strip() == expected
    assert token.stat().st_mode & 0o077 == 0
    assert done.stdout == ""


@pytest.mark.parametrize(("size", "status"), [(20, 0), (30_000, 255)])
def test_github_shows_a_preview_whole_and_hands_on_what_fits(
    size: int, status: int, tmp_path: Path
) -> None:
    put_command(
        tmp_path, "pulumi", f"echo '</pre>@everyone'; printf 'x%.0s' {{1..{size}}}; exit {status}"
    )
    output, summary = tmp_path / "output", tmp_path / "summary"
    done = bash(
        github_scripts()["preview"][-1],
        tmp_path,
        ENVIRONMENT="contoso-dev",
        GITHUB_OUTPUT=str(output),
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert done.returncode == status, done.stderr
    whole = "&lt;/pre&gt;@everyone\n" + "x" * size
    assert summary.read_text() == f"### contoso-dev\n<pre>\n{whole}\n</pre>\n"
    handed_on = job_outputs(output)["contoso-dev"]
    assert handed_on.startswith(f"<pre>\n{whole[:20_000]}\n</pre>")
    assert handed_on.endswith("</pre>") is (size == 20)
    assert ("Cut short" in handed_on) is (size > 20)


@pytest.mark.parametrize(
    ("mine", "method", "place"),
    [
        ("", "POST", "repos/contoso/entra/issues/7/comments"),
        (
            "https://api.example/comments/1\nhttps://api.example/comments/2",
            "PATCH",
            "https://api.example/comments/1",
        ),
    ],
)
def test_github_keeps_one_comment(mine: str, method: str, place: str, tmp_path: Path) -> None:
    put_command(
        tmp_path,
        "gh",
        f"""if [[ "$*" == *--paginate* ]]; then echo -n '{mine}'
            else printf '%s\\n' "$@" > sent; fi""",
    )
    done = bash(
        github_scripts()["comment"][0],
        tmp_path,
        GITHUB_REPOSITORY="contoso/entra",
        NUMBER="7",
        PREVIEWS='{"contoso-dev": "<pre>\\n$(touch stolen) &lt;\\n</pre>", "contoso-prod": ""}',
    )
    assert done.returncode == 0, done.stderr
    sent = (tmp_path / "sent").read_text().split("\n")
    assert sent[:5] == ["api", "--method", method, place, "--raw-field"]
    body = "\n".join(sent[5:]).rstrip()
    assert body == (
        "body=<!-- ostiary-preview -->\n### contoso-dev\n<pre>\n$(touch stolen) &lt;\n</pre>"
    )
    assert not (tmp_path / "stolen").exists()


def test_gitlab_previews_only_what_is_affected(tmp_path: Path) -> None:
    put_command(tmp_path, "pulumi", "echo pulumi ran; exit 7")
    (tmp_path / "environments.json").write_text('["contoso-dev-2", "contoso-prod"]')
    script = "set -euo pipefail\n" + "\n".join(load(GITLAB)["preview"]["script"])
    for name, status in (("contoso-dev", 0), ("contoso-prod", 7)):
        done = bash(script, tmp_path, ENVIRONMENT=name)
        assert (done.returncode, "pulumi ran" in done.stdout) == (status, status == 7)


@pytest.mark.parametrize("target", ["", "refs/heads/main"])
def test_azure_devops_compares_with_the_target_branch(target: str, tmp_path: Path) -> None:
    put_command(tmp_path, "ostiary", 'echo "[$*]"')
    done = bash(azure_scripts()["check"][-1], tmp_path, SYSTEM_PULLREQUEST_TARGETBRANCH=target)
    base = "origin/main" if target else ""
    assert done.stdout.endswith(f"isOutput=true][affected --base {base}]\n"), done.stderr


def test_azure_devops_refuses_a_commit_that_main_has_left_behind(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        who = ["-c", "user.name=someone", "-c", "user.email=someone@example.com"]
        done = subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    git("remote", "add", "origin", str(tmp_path))
    git("commit", "--quiet", "--allow-empty", "--message=one")
    approved = git("rev-parse", "HEAD")
    script = azure_scripts()["up"][1]

    done = bash(script, tmp_path, SYSTEM_ACCESSTOKEN="x", BUILD_SOURCEVERSION=approved)
    assert done.returncode == 0, done.stderr
    git("commit", "--quiet", "--allow-empty", "--message=two")
    done = bash(script, tmp_path, SYSTEM_ACCESSTOKEN="x", BUILD_SOURCEVERSION=approved)
    assert done.returncode == 1
    assert f"main is at {git('rev-parse', 'HEAD')}" in done.stdout


def test_github_refuses_a_commit_that_main_has_left_behind(tmp_path: Path) -> None:
    put_command(tmp_path, "gh", "echo 2222")
    script = github_scripts()["up"][0]
    for commit, status in (("2222", 0), ("1111", 1)):
        done = bash(script, tmp_path, GITHUB_REPOSITORY="contoso/entra", GITHUB_SHA=commit)
        assert (done.returncode, "main is at 2222" in done.stdout) == (status, status == 1)
