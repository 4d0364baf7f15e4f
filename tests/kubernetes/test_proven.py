"""Where manifests cannot be rendered, every run of the tests says so at its end."""

import shutil
import subprocess
import warnings

import pytest

from tests.kubernetes.rendered import REPOSITORY


@pytest.mark.filterwarnings("default:no kubectl here")
def test_a_run_without_kubectl_says_that_it_proves_no_manifest():
    if shutil.which("kubectl") is None:
        warnings.warn(
            "no kubectl here: NOTHING ABOUT k8s/ WAS PROVEN; install it "
            "(https://kubernetes.io/docs/tasks/tools/), then make k8s-check",
            stacklevel=1,
        )


def test_the_check_of_manifests_fails_where_there_is_no_kubectl(tmp_path):
    for tool in ("make", "sh"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    done = subprocess.run(
        ["make", "--no-print-directory", "kubectl"],
        cwd=REPOSITORY, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "install kubectl" in done.stdout
